package retention_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/retention"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// tables has a statement for each table that inserts a row for a member ($1, $2), with an interval
// ($3) from now to the row's time, the interval at which a row is deleted, and one that keeps it.
var tables = map[string]struct{ table, insert, expired, kept string }{
	"sessions that have expired": {"sessions", session + `now() + $3::interval, now() + interval '1 hour', null, null)`, "-25 hours", "-23 hours"},
	"sessions that were revoked": {"sessions", session + `now(), now(), now() + $3::interval, 'logout')`, "-181 minutes", "-179 minutes"},
	"active sessions":            {"sessions", session + `now() + $3::interval, now() + interval '1 day', null, null)`, "", "1 hour"},
	"revocations": {"revoked_sessions", `insert into revoked_sessions (session_id, min_generation, expires_at)
		select gen_random_uuid(), 1, now() + $3::interval where ($1::uuid, $2::uuid) is not null`, "-1 second", "1 minute"},
	"idempotency keys": {"idempotency_keys", `insert into idempotency_keys (tenant_id, user_id, key, request_hash, created_at)
		values ($1, $2, gen_random_uuid()::text, '', now() + $3::interval)`, "-25 hours", "-23 hours"},
	"login failures": {"login_failures", `insert into login_failures (key, failures, pending, since, pending_since, last_at)
		select sha256(gen_random_uuid()::text::bytea), 1, 0, now(), now(), now() + $3::interval where ($1::uuid, $2::uuid) is not null`, "-25 hours", "-23 hours"},
	"login addresses": {"login_addresses", `insert into login_addresses (account, network, last_at)
		select sha256(gen_random_uuid()::text::bytea), sha256('n'), now() + $3::interval where ($1::uuid, $2::uuid) is not null`, "-91 days", "-89 days"},
	"revoked API keys": {"api_keys", apiKey + `null, now() + $3::interval)`, "-31 days", "-29 days"},
	"expired API keys": {"api_keys", apiKey + `now() + $3::interval, null)`, "-31 days", "-29 days"},
	"endless API keys": {"api_keys", apiKey + `now() + $3::interval + null, null)`, "", "-31 days"},
}

const (
	session = `insert into sessions (tenant_id, user_id, id, family, seed, refresh_hash, remote_ip, user_agent,
		idle_expires_at, expires_at, revoked_at, revoked_reason) values ($1, $2, gen_random_uuid(),
		sha256('a'), sha256('b'), sha256('c'), '', '', `
	apiKey = `insert into api_keys (tenant_id, user_id, id, name, hash, hint, scopes, expires_at, revoked_at)
		values ($1, $2, gen_random_uuid(), 'n', sha256(gen_random_uuid()::text::bytea), '', '{users:read}', `
)

func TestSweepDeletesWhatHasExpiredInAllTenants(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	for range 2 {
		m := d.Member(t, d.Tenant(t), access.RoleOwner)
		for name, tt := range tables {
			for _, age := range []string{tt.expired, tt.kept} {
				if age != "" {
					_, err := d.Superuser.ExecContext(t.Context(), tt.insert, m.TenantID, m.UserID, age)
					require.NoError(t, err, name)
				}
			}
		}
	}
	deleted, err := retention.Sweep(t.Context(), d.Pool)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{
		"sessions": 4, "revocations": 2, "idempotency": 2, "login_failures": 2, "login_addresses": 2, "ended_keys": 4,
	}, deleted)
	for name, tt := range tables {
		want := 0
		for _, other := range tables {
			if other.table == tt.table {
				want += 2 // what is kept, in two tenants
			}
		}
		assert.Equal(t, want, d.Count(t, `select count(*) from `+tt.table), name)
	}
	deleted, err = retention.Sweep(t.Context(), d.Pool)
	require.NoError(t, err)
	assert.Empty(t, deleted)
}

func fill(t testing.TB, d *apptest.Database, rows int) {
	t.Helper()
	d.Exec(t, `insert into login_failures (key, failures, pending, since, pending_since, last_at)
		select sha256(i::text::bytea), 1, 0, now(), now(), now() - interval '2 days' from generate_series(1, $1::int) i`, rows)
}

func TestSweepDeletesInBatchesAndSkipsLockedRows(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	fill(t, d, 2500)
	tx, err := d.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `select from login_failures where key in (sha256('1'), sha256('2')) for update`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	deleted, err := retention.Sweep(ctx, d.Pool)
	require.NoError(t, err, "waited for a locked row")
	assert.EqualValues(t, 2498, deleted["login_failures"])
	require.NoError(t, tx.Rollback())
}

func TestOneReplicaSweepsAtATime(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	fill(t, d, 10)
	other := apptest.Pool(t, d.DSN)
	err := other.InTx(t.Context(), func(ctx context.Context) error {
		n, err := db.Exec(ctx, other, `select from retention_sweep(3)`)
		require.NoError(t, err)
		require.EqualValues(t, 5, n, "kinds")
		deleted, err := retention.Sweep(t.Context(), d.Pool) //nolint:contextcheck // another transaction
		assert.Empty(t, deleted, "while the other replica is at it")
		return err
	})
	require.NoError(t, err)
	deleted, err := retention.Sweep(t.Context(), d.Pool)
	require.NoError(t, err)
	assert.EqualValues(t, 7, deleted["login_failures"])
}

// The policies are for the owner inside of the function: the setting alone opens nothing.
func TestSettingOpensNoOtherTenant(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	d.Exec(t, strings.NewReplacer("$1", "'"+m.TenantID.String()+"'", "$2", "'"+m.UserID.String()+"'", "$3::interval", "'-30 days'::interval").
		Replace(tables["sessions that have expired"].insert))
	err := d.Pool.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, d.Pool, `set local app.retention = 'on'`)
		require.NoError(t, err)
		n, err := db.Exec(ctx, d.Pool, `delete from sessions`)
		assert.Zero(t, n)
		return err
	})
	require.NoError(t, err)
}

// In production the tables may belong to a role that is subject to row security.
func TestSweepWithAnOwnerWithoutPrivileges(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t) // creates app_role
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	owner := "owner_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	d.Exec(t, `create role `+owner+` nosuperuser nobypassrls`)
	t.Cleanup(func() {
		_, _ = d.Superuser.ExecContext(context.Background(), `drop owned by `+owner+`; drop role `+owner)
	})
	d.Exec(t, `grant create on schema public to `+owner)
	for _, table := range []string{"sessions", "idempotency_keys", "api_keys", "revoked_sessions", "login_failures"} {
		d.Exec(t, `alter table `+table+` owner to `+owner)
		if d.Count(t, `select count(*) from pg_policies where tablename = $1 and policyname = tablename || '_retention'`, table) > 0 {
			d.Exec(t, `alter policy `+table+`_retention on `+table+` to `+owner)
		}
	}
	d.Exec(t, `alter function retention_sweep(integer) owner to `+owner)
	d.Exec(t, `grant execute on function retention_sweep(integer) to app_role`)
	for _, tt := range tables {
		if tt.expired != "" {
			_, err := d.Superuser.ExecContext(t.Context(), tt.insert, m.TenantID, m.UserID, tt.expired)
			require.NoError(t, err)
		}
	}
	deleted, err := retention.Sweep(t.Context(), d.Pool)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{
		"sessions": 2, "revocations": 1, "idempotency": 1, "login_failures": 1, "login_addresses": 1, "ended_keys": 2,
	}, deleted)
}

// A sweep that waits would keep a connection of the pool from the requests.
func TestSweepDoesNotWaitForLockedTables(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	fill(t, d, 1)
	tx, err := d.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), `lock table login_failures`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	deleted, err := retention.Sweep(ctx, d.Pool)
	require.NoError(t, err)
	assert.Empty(t, deleted)
	require.NoError(t, tx.Rollback())
	deleted, err = retention.Sweep(ctx, d.Pool)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"login_failures": 1}, deleted)
}

func TestRunLogsNumbersAndFailures(t *testing.T) {
	d := apptest.NewDatabase(t)
	fill(t, d, 3)
	var out output
	core, err := logging.NewCore(logging.Options{App: "test", Level: "info", Format: "json", Output: &out})
	require.NoError(t, err)
	logging.SetDefault(core)
	defer logging.SetDefault(nil)
	run := func(want string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			retention.Run(ctx, d.Pool)
		}()
		require.Eventually(t, func() bool { return strings.Contains(out.String(), want) }, 10*time.Second, time.Millisecond)
		cancel()
		<-done
	}
	run(`"event":"retention_completed"`)
	assert.Contains(t, out.String(), `"login_failures":3`)
	d.Exec(t, `drop function retention_sweep`)
	run(`"event":"retention_failed"`)
}

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
