package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestRecordWritesRowAndLogLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, p := someone(t, uuid.New())
	ctx = errors.WithCorrelationID(server.WithClient(ctx, server.Client{RemoteIP: "192.0.2.7"}), "request-1")
	before := time.Now().Truncate(time.Microsecond)
	f.record(ctx, t, audit.Entry{
		Event: "member_added", TargetType: "user", TargetID: "42", Reason: "invited", Details: map[string]any{"role": "admin", "attempt": 3},
	})

	page, err := f.List(ctx, audit.Filter{}, paging.Query{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Nil(t, page.NextCursor)
	got := page.Items[0]
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	occurred, err := got.OccurredAt.MarshalText()
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"id": "`+got.ID.String()+`", "occurred_at": "`+string(occurred)+`", "event": "member_added", "outcome": "success",
		"actor_id": "`+p.UserID.String()+`", "session_id": "`+p.SessionID.String()+`", "api_key_id": null,
		"target_type": "user", "target_id": "42", "reason": "invited", "remote_ip": "192.0.2.7", "correlation_id": "request-1",
		"details": {"role": "admin", "attempt": 3}}`, string(encoded))
	assert.Equal(t, uuid.Version(7), got.ID.Version())
	assert.Equal(t, time.UTC, got.OccurredAt.Location())
	assert.WithinRange(t, got.OccurredAt, before, time.Now().Add(time.Second))

	logged := f.log.of(t, "member_added")
	require.Len(t, logged, 1)
	for name, want := range map[string]any{
		"level": "info", "audit": true, "outcome": "success", "audit_id": got.ID.String(), "tenant_id": p.TenantID.String(),
		"user_id": p.UserID.String(), "session_id": p.SessionID.String(), "target_type": "user", "target_id": "42",
		"reason": "invited", "remote_ip": "192.0.2.7", "correlation_id": "request-1", "role": "admin", "attempt": 3.0,
	} {
		assert.Equal(t, want, logged[0][name], name)
	}
}

func TestLogLineHasDetailsInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	details, want := map[string]any{}, ""
	for i := range 9 {
		details[fmt.Sprint("n", i)] = i
		want += fmt.Sprintf(`"n%d":%d,`, i, i)
	}
	f.record(ctx, t, audit.Entry{Event: "member_added", Details: details})
	assert.Contains(t, strings.ReplaceAll(f.log.buf.String(), "}", ",}"), want)
}

func TestRollbackLeavesNoAuditEntry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	undone := errors.Sentinel("undone")
	err := f.Pool.InTenant(ctx, func(ctx context.Context) error {
		require.NoError(t, f.Record(ctx, audit.Entry{Event: "all_undone"}))
		assert.Empty(t, f.log.of(t, "all_undone"), "not before the commit")
		return undone
	})
	require.ErrorIs(t, err, undone)
	require.NoError(t, f.Pool.InTenant(ctx, func(ctx context.Context) error {
		require.NoError(t, f.Record(ctx, audit.Entry{Event: "kept"}))
		err := f.Pool.InTenant(ctx, func(ctx context.Context) error {
			require.NoError(t, f.Record(ctx, audit.Entry{Event: "part_undone"}))
			return undone
		})
		assert.ErrorIs(t, err, undone)
		return nil
	}))
	assert.Panics(t, func() {
		_ = f.Pool.InTenant(ctx, func(ctx context.Context) error {
			require.NoError(t, f.Record(ctx, audit.Entry{Event: "panicked"}))
			panic("undone")
		})
	})
	for _, event := range []string{"all_undone", "part_undone", "panicked"} {
		assert.Empty(t, f.log.of(t, event))
	}
	assert.Len(t, f.log.of(t, "kept"), 1)
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events`))
}

func TestRecordNeedsATransactionAndAnEvent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	err := f.Record(ctx, audit.Entry{Event: "member_added"})
	assert.True(t, errors.HasCode(err, errors.CodeInternal), err)
	err = f.Pool.InTenant(ctx, func(ctx context.Context) error { return f.Record(ctx, audit.Entry{}) })
	assert.True(t, errors.HasCode(err, errors.CodeInternal), err)
	assert.Zero(t, f.Count(t, `select count(*) from audit_events`))
}

func TestAuditFailureFailsTheTransaction(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(t, `alter table audit_events rename to elsewhere`)
	ctx, _ := someone(t, uuid.New())
	err := f.Pool.InTenant(ctx, func(ctx context.Context) error { return f.Record(ctx, audit.Entry{Event: "member_added"}) })
	assert.True(t, errors.HasCode(err, errors.CodeDatabase), err)
	assert.Empty(t, f.log.of(t, "member_added"))
}

func TestOutcomeAndLevelOfEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	for event, want := range map[string]struct{ outcome, level string }{
		"login_succeeded":        {"success", "info"},
		"session_revoked":        {"success", "info"},
		"login_failed":           {"failure", "warning"},
		"account_locked":         {"failure", "warning"},
		"refresh_reuse_detected": {"failure", "warning"},
		"permission_denied":      {"failure", "warning"},
		"token_rejected":         {"failure", "warning"},
	} {
		f.record(ctx, t, audit.Entry{Event: event})
		logged := f.log.of(t, event)
		require.Len(t, logged, 1, event)
		assert.Equal(t, want.level, logged[0]["level"], event)
		assert.Equal(t, want.outcome, logged[0]["outcome"], event)
		assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = $1 and outcome = $2`, event, want.outcome))
	}
}

func TestActorOfEntry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, other, session := uuid.New(), uuid.New(), uuid.New()
	signedIn, p := someone(t, tenant)
	key := auth.Principal{UserID: uuid.New(), TenantID: tenant, APIKeyID: uuid.New()}
	withKey := auth.WithPrincipal(signedIn, key)
	nobody := db.WithTenant(t.Context(), tenant)
	tests := map[string]struct {
		ctx   context.Context
		entry audit.Entry
		want  [3]uuid.UUID // actor, session, key
	}{
		"the principal":               {signedIn, audit.Entry{}, [3]uuid.UUID{p.UserID, p.SessionID}},
		"the principal, named":        {signedIn, audit.Entry{ActorID: p.UserID}, [3]uuid.UUID{p.UserID, p.SessionID}},
		"an API key":                  {withKey, audit.Entry{}, [3]uuid.UUID{key.UserID, {}, key.APIKeyID}},
		"somebody else":               {signedIn, audit.Entry{ActorID: other}, [3]uuid.UUID{other}},
		"somebody before a principal": {nobody, audit.Entry{ActorID: other, SessionID: session}, [3]uuid.UUID{other, session}},
		"nobody":                      {nobody, audit.Entry{}, [3]uuid.UUID{}},
	}
	for name, tt := range tests {
		tt.entry.Event, tt.entry.TargetID = "login_succeeded", name
		f.record(tt.ctx, t, tt.entry)
		var got [3]uuid.NullUUID
		row := f.Superuser.QueryRowContext(t.Context(), `select actor_id, session_id, api_key_id from audit_events where target_id = $1`, name)
		require.NoError(t, row.Scan(&got[0], &got[1], &got[2]), name)
		for i, want := range tt.want {
			assert.Equal(t, uuid.NullUUID{UUID: want, Valid: want != uuid.Nil}, got[i], name)
		}
	}
}

func TestTextsAreTruncated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	bad := "\xff\x00" + strings.Repeat("é", 5000)
	f.record(server.WithClient(ctx, server.Client{RemoteIP: bad}), t, audit.Entry{
		Event: bad, TargetType: bad, TargetID: bad, Reason: bad, Details: map[string]any{bad: bad, "short": "a\x00b"},
	})
	var texts [5]string
	require.NoError(t, f.Superuser.QueryRowContext(t.Context(), `
		select event, target_type, target_id, reason, remote_ip from audit_events where details->>'short' = 'a'||chr(65533)||'b'`).
		Scan(&texts[0], &texts[1], &texts[2], &texts[3], &texts[4]))
	for i, longest := range []int{64, 64, 200, 200, 64} {
		assert.Equal(t, longest, utf8.RuneCountInString(texts[i]))
		assert.True(t, strings.HasPrefix(texts[i], "\ufffd\ufffdé"), texts[i])
	}
}

func TestDeniedAndRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := server.WithClient(t.Context(), server.Client{RemoteIP: "192.0.2.7"})
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), SessionID: uuid.New()}
	key := auth.Principal{UserID: p.UserID, TenantID: p.TenantID, APIKeyID: uuid.New()}
	f.Denied(auth.WithPrincipal(ctx, p), auth.Denial{Permission: "users:write", Reason: "missing_permission", Principal: p})
	f.Rejected(ctx, auth.Rejection{Reason: "revoked", Principal: p})
	f.Rejected(ctx, auth.Rejection{Reason: "revoked_api_key", Principal: key})
	f.Rejected(ctx, auth.Rejection{Reason: auth.ReasonExpired, Principal: p})
	f.Rejected(ctx, auth.Rejection{Reason: "expired_api_key", Principal: key})
	f.Rejected(ctx, auth.Rejection{Reason: "bad_signature"})

	denied := f.log.of(t, "permission_denied")
	require.Len(t, denied, 1)
	assert.Equal(t, "warning", denied[0]["level"])
	assert.Equal(t, "users:write", denied[0]["target_id"])
	assert.Equal(t, "192.0.2.7", denied[0]["remote_ip"])
	rejected := f.log.of(t, "token_rejected")
	require.Len(t, rejected, 5)
	for i, want := range []struct {
		reason string
		kept   bool
		tenant any
	}{
		{"revoked", true, p.TenantID.String()}, {"revoked_api_key", true, p.TenantID.String()},
		{"expired", false, p.TenantID.String()}, {"expired_api_key", false, p.TenantID.String()}, {"bad_signature", false, nil},
	} {
		assert.Equal(t, want.reason, rejected[i]["reason"])
		assert.Equal(t, want.tenant, rejected[i]["tenant_id"], want.reason)
		assert.Equal(t, true, rejected[i]["audit"])
		_, kept := rejected[i]["audit_id"]
		assert.Equal(t, want.kept, kept, want.reason)
	}
	assert.Equal(t, 3, f.Count(t, `select count(*) from audit_events where tenant_id = $1 and actor_id = $2 and remote_ip = '192.0.2.7'`,
		p.TenantID, p.UserID))
	assert.Equal(t, 3, f.Count(t, `select count(*) from audit_events`))
}

func TestDenialIsLoggedWithoutDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(t, `alter table audit_events rename to elsewhere`)
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New()}
	f.Denied(t.Context(), auth.Denial{Permission: "users:write", Principal: p})
	denied := f.log.of(t, "permission_denied")
	require.Len(t, denied, 1)
	assert.Equal(t, p.UserID.String(), denied[0]["user_id"])
	assert.NotContains(t, denied[0], "audit_id")
	assert.Len(t, f.log.of(t, "audit_failed"), 1)

	f.Exec(t, `alter table elsewhere rename to audit_events`)
	f.Denied(t.Context(), auth.Denial{Permission: "users:write", Principal: p})
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events`), "a row that was not written is no reason to leave out the next")
}

func TestDenialIsRecordedAfterDisconnect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Denied(ctx, auth.Denial{Permission: "users:write", Principal: auth.Principal{UserID: uuid.New(), TenantID: uuid.New()}})
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events`))
	assert.Empty(t, f.log.of(t, "audit_failed"))
}

func TestRepeatedRefusalHasOneRowPerMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var mu sync.Mutex
	now := time.Now()
	f.SetClock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	})
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), SessionID: uuid.New()}
	denial := auth.Denial{Permission: "users:write", Route: "POST /v1/users", Reason: "missing_permission", Principal: p}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { f.Denied(t.Context(), denial) })
	}
	all.Wait()
	rows := func() int { return f.Count(t, `select count(*) from audit_events`) }
	assert.Equal(t, 1, rows())
	assert.Len(t, f.log.of(t, "permission_denied"), 20)

	key := p
	key.SessionID, key.APIKeyID = uuid.Nil, uuid.New()
	for i, other := range []auth.Denial{
		{Permission: "audit:read", Route: denial.Route, Reason: denial.Reason, Principal: p},
		{Permission: denial.Permission, Route: "PATCH /v1/users/:id", Reason: denial.Reason, Principal: p},
		{Permission: denial.Permission, Route: denial.Route, Reason: "outside_scope", Principal: p},
		{Permission: denial.Permission, Route: denial.Route, Reason: denial.Reason, Principal: key},
		{Permission: denial.Permission, Route: denial.Route, Reason: denial.Reason, Principal: auth.Principal{UserID: uuid.New(), TenantID: p.TenantID}},
	} {
		f.Denied(t.Context(), other)
		assert.Equal(t, 2+i, rows(), "another one: %+v", other)
	}

	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	before := rows()
	f.Denied(t.Context(), denial)
	assert.Equal(t, before+1, rows())
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where details = '{"route":"POST /v1/users","repeated":19}'`))
}

func TestThrottleMemoryIsLimited(t *testing.T) {
	t.Parallel()
	r := audit.NewTrail(nil)
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New()}
	for range audit.MaxRefusals + 10 {
		p.SessionID = uuid.New()
		r.Refuse(p)
	}
	require.LessOrEqual(t, r.Refusals(), audit.MaxRefusals)
}

const insertRow = `insert into audit_events (id, tenant_id, occurred_at, event, outcome, details)
	values ($1, $2, now(), 'forged', 'success', '{}')`

func TestTenantsSeeTheirOwnTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, p := someone(t, uuid.New())
	bob, _ := someone(t, uuid.New())
	f.record(ann, t, audit.Entry{Event: "of_ann"})
	f.record(bob, t, audit.Entry{Event: "of_bob"})
	require.NoError(t, f.Pool.InTx(t.Context(), func(ctx context.Context) error {
		return f.Record(ctx, audit.Entry{Event: "of_the_system"})
	}))
	nested := func(ctx context.Context) error { return f.Record(ctx, audit.Entry{Event: "nested"}) }
	require.NoError(t, f.Pool.InTx(t.Context(), func(ctx context.Context) error { // as a logout from all tenants does
		return errors.Join(f.Pool.InTenant(db.WithTenant(ctx, p.TenantID), nested), nested(ctx))
	}))

	events := func(ctx context.Context) (list []string) {
		require.NoError(t, f.Pool.InTenant(ctx, func(ctx context.Context) (err error) {
			list, err = db.All[string](ctx, f.Pool, `select event from audit_events order by event`) // no tenant in the SQL
			return err
		}))
		return list
	}
	assert.Equal(t, []string{"nested", "of_ann"}, events(ann))
	assert.Equal(t, []string{"of_bob"}, events(bob))
	require.NoError(t, f.Pool.InTx(t.Context(), func(ctx context.Context) error {
		n, err := db.One[int](ctx, f.Pool, `select count(*) from audit_events`)
		assert.Zero(t, n, "the trail of the system is written, not read")
		return err
	}))
	assert.Equal(t, 2, f.Count(t, `select count(*) from audit_events where tenant_id is null`))

	insert := func(in func(context.Context, func(context.Context) error) error, ctx context.Context, tenant uuid.NullUUID) error {
		return in(ctx, func(ctx context.Context) error {
			_, err := db.Exec(ctx, f.Pool, insertRow, uuid.New(), tenant)
			return err
		})
	}
	assert.Error(t, insert(f.Pool.InTenant, ann, uuid.NullUUID{UUID: uuid.New(), Valid: true}), "a row for another tenant")
	assert.Error(t, insert(f.Pool.InTenant, ann, uuid.NullUUID{}), "a row that the tenant could not see")
	assert.Error(t, insert(f.Pool.InTx, t.Context(), uuid.NullUUID{UUID: p.TenantID, Valid: true}), "a row for a tenant, as nobody")
	assert.NoError(t, insert(f.Pool.InTx, t.Context(), uuid.NullUUID{}))
}

func TestTrailIsAppendOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	f.record(ctx, t, audit.Entry{Event: "member_added"})
	for _, statement := range []string{
		`update audit_events set event = 'nothing'`, `delete from audit_events`, `truncate audit_events`,
		`select audit_events_prune('2020-01-01')`, `alter table audit_events disable trigger all`,
	} {
		err := f.Pool.InTenant(ctx, func(ctx context.Context) error {
			_, err := db.Exec(ctx, f.Pool, `set local app.audit_prune = 'on'`)
			require.NoError(t, err)
			_, err = db.Exec(ctx, f.Pool, statement)
			return err
		})
		assert.Equal(t, "42501", db.SQLState(err), "the service: %s: %v", statement, err)
	}
	for _, statement := range []string{
		`update audit_events set event = 'nothing'`, `delete from audit_events`, `truncate audit_events`,
		`set app.audit_prune = 'on'; update audit_events set event = 'nothing'`,
		`set app.audit_prune = 'on'; delete from audit_events where event = 'member_added'`, // a young row
		`set app.audit_prune = 'on'; truncate audit_events`,
	} {
		conn, err := f.Superuser.Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), statement)
		assert.ErrorContains(t, err, "append-only", "a superuser: %s", statement)
		_, err = conn.ExecContext(t.Context(), `reset app.audit_prune`)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = 'member_added'`))
}

func TestPrune(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, p := someone(t, uuid.New())
	f.record(ctx, t, audit.Entry{Event: "today"})
	for days, tenant := range map[int]any{400: p.TenantID, 500: nil, 100: p.TenantID} {
		f.Exec(t, `insert into audit_events (id, tenant_id, occurred_at, event, outcome, details)
			values ($1, $2, now() - $3 * interval '1 day', $4, 'success', '{}')`, uuid.New(), tenant, days, fmt.Sprintf("%d_days_ago", days))
	}
	for _, before := range []string{"now()", "now() - interval '89 days'", "'infinity'", "null"} {
		_, err := f.Superuser.ExecContext(t.Context(), `select audit_events_prune(`+before+`)`)
		assert.ErrorContains(t, err, "90 days", before)
	}
	assert.Equal(t, 2, f.Count(t, `select audit_events_prune(now() - interval '365 days')`))
	assert.Equal(t, 2, f.Count(t, `select count(*) from audit_events where event in ('today', '100_days_ago')`))
	assert.Equal(t, 2, f.Count(t, `select count(*) from audit_events`))
	tx, err := f.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	_, err = tx.ExecContext(t.Context(), `select audit_events_prune(now() - interval '365 days')`)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `delete from audit_events`)
	assert.ErrorContains(t, err, "append-only", "after pruning, in the same transaction")
}

func TestEntriesRemainAfterTargetIsDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, user := uuid.New(), uuid.New()
	f.Exec(t, `insert into tenants (id, name) values ($1, 'T')`, tenant)
	f.Exec(t, `insert into users (id, email, password_hash, display_name) values ($1, 'a@example.com', 'x', 'A')`, user)
	f.Exec(t, `insert into members (tenant_id, user_id, role) values ($1, $2, 'owner')`, tenant, user)
	f.record(db.WithTenant(t.Context(), tenant), t, audit.Entry{Event: "login_succeeded", ActorID: user})
	f.Exec(t, `delete from tenants where id = $1`, tenant)
	f.Exec(t, `delete from users where id = $1`, user)
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where tenant_id = $1 and actor_id = $2`, tenant, user))
}

func TestDetailsAreRedacted(t *testing.T) {
	t.Parallel()
	key := auth.NewAPIKey(uuid.New(), uuid.New())
	loop := map[string]any{}
	loop["loop"] = loop
	tests := map[string]struct {
		details map[string]any
		want    string
	}{
		"nothing":            {nil, `{}`},
		"plain":              {map[string]any{"role": "admin", "n": 3, "big": int64(math.MaxInt64), "f": 1.5, "ok": true, "none": nil}, `{"role":"admin","n":3,"big":9223372036854775807,"f":1.5,"ok":true,"none":null}`},
		"about a secret":     {map[string]any{"session_id": "s", "token_type": "Bearer", "api_key_id": "k"}, `{"session_id":"s","token_type":"Bearer","api_key_id":"k"}`},
		"secret by name":     {map[string]any{"access_token": "x", "apiKey": 7, "password": map[string]any{"a": 1}}, `{"access_token":"[REDACTED]","apiKey":"[REDACTED]","password":"[REDACTED]"}`},
		"secret inside":      {map[string]any{"list": []any{map[string]any{"db_password": "x", "user": "u"}}}, `{"list":[{"db_password":"[REDACTED]","user":"u"}]}`},
		"secret of a struct": {map[string]any{"s": struct{ RefreshToken, Name string }{"x", "n"}}, `{"s":{"RefreshToken":"[REDACTED]","Name":"n"}}`},
		"secret in a text":   {map[string]any{"note": "sent Authorization: Bearer abc.def"}, `{"note":"sent Authorization: [REDACTED]"}`},
		"secret types":       {map[string]any{"a": logging.Secret("x"), "b": key}, `{"a":"[REDACTED]","b":"[REDACTED]"}`},
		"text of a key":      {map[string]any{"note": key.Reveal()}, `{"note":"[REDACTED]"}`},
		"permissions":        {map[string]any{"scopes": []auth.Permission{"api_keys:read", "users:read"}, "note": "api_keys:hunter2"}, `{"scopes":["api_keys:read","users:read"],"note":"api_keys:[REDACTED]"}`},
		"NUL":                {map[string]any{"a\x00": "b\x00", "c": map[string]any{"d\x00": "e"}}, "{\"a\ufffd\":\"b\ufffd\",\"c\":{\"d\ufffd\":\"e\"}}"},
		"not JSON":           {map[string]any{"a": math.NaN(), "b": make(chan int), "c": loop, "d": "kept"}, `{"a":"!ERROR: not a JSON value","b":"!ERROR: not a JSON value","c":"!ERROR: not a JSON value","d":"kept"}`},
		"too large a number": {map[string]any{"a": json.RawMessage("1e400000")}, `{"a":"!ERROR: not a JSON value"}`},
		"too long":           {map[string]any{"a": strings.Repeat("x", 3000), "b": "kept"}, `{"a":"!TRUNCATED: too long","b":"kept"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(audit.RedactDetails(tt.details))
			require.NoError(t, err)
			assert.JSONEq(t, tt.want, string(got))
		})
	}
}

func TestDetailsAreLimited(t *testing.T) {
	t.Parallel()
	many := map[string]any{}
	for i := range 1000 {
		many[fmt.Sprintf("name_%04d", i)] = strings.Repeat("x", 2000)
	}
	got := audit.RedactDetails(many)
	assert.Len(t, got, 25)
	assert.Equal(t, 976, got["details_dropped"])
	assert.Contains(t, got, "name_0023")
	assert.Len(t, many, 1000)
}

func TestDetailsOfCallerAreUnchanged(t *testing.T) {
	t.Parallel()
	inner := map[string]any{"password": "x"}
	details := map[string]any{"inner": inner}
	audit.RedactDetails(details)
	assert.Equal(t, map[string]any{"inner": map[string]any{"password": "x"}}, details)
}

func FuzzDetails(f *testing.F) {
	f.Add(`{"a":1,"password":"x","list":[{"token":"y"}]}`)
	f.Add(`{"a\u0000":"\u0000","b":1e999999,"c":-0,"d":"ak_"}`)
	f.Add(`{"":""}`)
	f.Fuzz(func(t *testing.T, text string) {
		var details map[string]any
		if json.Unmarshal([]byte(text), &details) != nil {
			return
		}
		got, err := json.Marshal(audit.RedactDetails(details))
		require.NoError(t, err)
		assert.NotContains(t, string(got), `\u0000`, "PostgreSQL has no such character")
		for name := range details {
			if logging.Sensitive(name) && len(details) <= 24 && len(name) <= 64 {
				assert.Contains(t, string(got), logging.Redacted)
			}
		}
	})
}
