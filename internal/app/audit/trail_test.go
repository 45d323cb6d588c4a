package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

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

func TestTrailOutlivesWhatItTellsOf(t *testing.T) {
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

func TestPeriodsAreRangesOfIDs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"1970-01-01T00:00:00Z", "2026-01-31T12:00:00.123Z", "2026-01-31T12:00:00.123000001Z", "2026-01-31T14:00:00.999999999+02:00", "9999-12-31T23:59:59Z",
	} {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		bound := audit.FirstIDOf(at)
		for _, d := range []time.Duration{-time.Hour, -time.Millisecond, -1, 0, 1, time.Millisecond, time.Hour} {
			ms := at.Add(d).Truncate(time.Millisecond)
			if ms.UnixMilli() < 0 {
				continue
			}
			id := audit.At(ms)
			assert.Equal(t, ms.UTC(), audit.TimeOf(id), text)
			assert.Equal(t, !ms.Before(at), id.String() >= bound.String(), "%s and %s", text, ms)
		}
	}
	assert.Equal(t, uuid.Nil, audit.FirstIDOf(time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)))
}
