package audit_test

import (
	"context"
	"encoding/json"
	"strings"
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
)

func TestRecordIsARowAndALine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, p := someone(t, uuid.New())
	ctx = errors.WithCorrelationID(audit.WithRemoteIP(ctx, "192.0.2.7"), "request-1")
	before := time.Now().Truncate(time.Millisecond)
	f.record(ctx, t, audit.Entry{
		Event: "member_added", TargetType: "user", TargetID: "42", Reason: "invited", Details: map[string]any{"role": "admin", "attempt": 3},
	})

	page, err := audit.NewService(f.Pool).List(ctx, audit.Filter{}, paging.Query{})
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
	assert.Equal(t, audit.TimeOf(got.ID), got.OccurredAt)
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

func TestWhatIsUndoneWasNotRecorded(t *testing.T) {
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

func TestTrailThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Exec(t, `alter table audit_events rename to elsewhere`)
	ctx, _ := someone(t, uuid.New())
	err := f.Pool.InTenant(ctx, func(ctx context.Context) error { return f.Record(ctx, audit.Entry{Event: "member_added"}) })
	assert.True(t, errors.HasCode(err, errors.CodeDatabase), err)
	assert.Empty(t, f.log.of(t, "member_added"))
}

func TestLevels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	tests := []struct{ event, outcome, wantOutcome, wantLevel string }{
		{"login_succeeded", "", "success", "info"},
		{"session_revoked", "success", "success", "info"},
		{"login_failed", "", "failure", "warning"},
		{"account_locked", "", "failure", "warning"},
		{"refresh_reuse_detected", "", "failure", "warning"},
		{"permission_denied", "", "failure", "warning"},
		{"token_rejected", "", "failure", "warning"},
		{"member_added", "failure", "failure", "warning"},
	}
	for _, tt := range tests {
		f.record(ctx, t, audit.Entry{Event: tt.event, Outcome: tt.outcome})
		logged := f.log.of(t, tt.event)
		require.NotEmpty(t, logged)
		last := logged[len(logged)-1]
		assert.Equal(t, tt.wantLevel, last["level"], tt.event)
		assert.Equal(t, tt.wantOutcome, last["outcome"], tt.event)
		assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where event = $1 and outcome = $2`, tt.event, tt.wantOutcome))
	}
}

func TestActor(t *testing.T) {
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

// What comes from outside, an address or an id, may be any bytes of any length.
func TestTextsAreMadeToFit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, _ := someone(t, uuid.New())
	bad := "\xff\x00" + strings.Repeat("é", 5000)
	f.record(ctx, t, audit.Entry{
		Event: bad, Outcome: bad, TargetType: bad, TargetID: bad, Reason: bad, RemoteIP: bad, Details: map[string]any{bad: bad, "short": "a\x00b"},
	})
	var texts [6]string
	require.NoError(t, f.Superuser.QueryRowContext(t.Context(), `
		select event, outcome, target_type, target_id, reason, remote_ip from audit_events where details->>'short' = 'a'||chr(65533)||'b'`).
		Scan(&texts[0], &texts[1], &texts[2], &texts[3], &texts[4], &texts[5]))
	for i, longest := range []int{64, 32, 64, 200, 200, 64} {
		assert.Equal(t, longest, utf8.RuneCountInString(texts[i]))
		assert.True(t, strings.HasPrefix(texts[i], "\ufffd\ufffdé"), texts[i])
	}
}

func TestDeniedAndRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := audit.WithRemoteIP(t.Context(), "192.0.2.7")
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), SessionID: uuid.New()}
	key := auth.Principal{UserID: p.UserID, TenantID: p.TenantID, APIKeyID: uuid.New()}
	f.Denied(auth.WithPrincipal(ctx, p), auth.Denial{Permission: "users:write", Reason: "missing_permission", Principal: p})
	f.Rejected(ctx, auth.Rejection{Reason: "revoked", Principal: p})
	f.Rejected(ctx, auth.Rejection{Reason: "revoked_api_key", Principal: key})
	f.Rejected(ctx, auth.Rejection{Reason: auth.ErrTokenExpired.Error(), Principal: p})
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

// The answer to a request that is refused anyhow does not depend on the trail.
func TestDeniedIsLoggedWhereTheTrailIsAway(t *testing.T) {
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

func TestClientThatHasGoneIsRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Denied(ctx, auth.Denial{Permission: "users:write", Principal: auth.Principal{UserID: uuid.New(), TenantID: uuid.New()}})
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events`))
	assert.Empty(t, f.log.of(t, "audit_failed"))
}
