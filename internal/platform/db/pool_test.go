package db_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestOpenRefusesARoleThatBypassesRowSecurity(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	_, err := db.Open(t.Context(), settings(dsn), db.Options{Role: appRole, Log: quiet(t)})
	assert.ErrorIs(t, err, db.ErrBypassesRowSecurity, "a superuser")

	_, err = db.Open(t.Context(), settings(dsn), db.Options{Role: "no_such_role", ActAs: true, Log: quiet(t)})
	require.ErrorIs(t, err, db.ErrBypassesRowSecurity)
	assert.ErrorContains(t, err, "no_such_role")

	_, err = superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role db_test_bypass login bypassrls password 'db-test';
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	_, err = db.Open(t.Context(), settings(platformtest.As(t, dsn, "db_test_bypass", "db-test")), db.Options{Log: quiet(t)})
	assert.ErrorIs(t, err, db.ErrBypassesRowSecurity, "a role with BYPASSRLS")

	_, err = superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role db_test_member login password 'db-test' in role db_test_bypass;
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	_, err = db.Open(t.Context(), settings(platformtest.As(t, dsn, "db_test_member", "db-test")), db.Options{Log: quiet(t)})
	assert.ErrorIs(t, err, db.ErrBypassesRowSecurity, "a role that can become one with BYPASSRLS")
}

func TestPoolActsAsTheRole(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	for _, statement := range []string{"select 1", "reset role"} {
		_, err := db.Exec(t.Context(), pool, statement)
		require.NoError(t, err)
		role, err := db.One[string](t.Context(), pool, "select current_user")
		require.NoError(t, err)
		assert.Equal(t, appRole, role, "also after %s", statement)
	}
}

func TestOpenRefusesALoginWithoutPrivileges(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	_, err := superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role "db-test-outside" login password 'db-test';
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	options := db.Options{Role: appRole, Log: quiet(t)}
	cfg := settings(platformtest.As(t, dsn, "db-test-outside", "db-test"))
	_, err = db.Open(t.Context(), cfg, options)
	require.ErrorIs(t, err, db.ErrNotMember)
	_, statement, found := strings.Cut(err.Error(), "run: ")
	require.True(t, found)
	_, err = superuser(t, dsn).ExecContext(t.Context(), statement)
	require.NoError(t, err, "the statement of the error")
	pool, err := db.Open(t.Context(), cfg, options)
	require.NoError(t, err)
	require.NoError(t, pool.Close())

	_, err = superuser(t, dsn).ExecContext(t.Context(), `revoke db_test_role from "db-test-outside"`)
	require.NoError(t, err)
	options.Role = "no_such_role"
	pool, err = db.Open(t.Context(), cfg, options)
	require.NoError(t, err, "migrations have not created the role yet")
	require.NoError(t, pool.Close())
}

func TestPlainRoleIsUsed(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	_, err := superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role db_test_plain login password 'db-test';
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	pool := open(t, platformtest.As(t, dsn, "db_test_plain", "db-test"), func(_ *db.Config, o *db.Options) { o.Role = "" })
	role, err := db.One[string](t.Context(), pool, "select current_user")
	require.NoError(t, err)
	assert.Equal(t, "db_test_plain", role)
}

func TestConnectionsHaveTheirSettings(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.CommandTimeout = 7 * time.Second })
	for name, want := range map[string]string{
		"statement_timeout": "7s", "idle_in_transaction_session_timeout": "7s", "application_name": "db-test",
	} {
		got, err := db.One[string](t.Context(), pool, "select current_setting($1)", name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
}

func TestOpenFailsAtOnceForPermanentErrors(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	for name, bad := range map[string]string{
		"a wrong password":   platformtest.As(t, dsn, "postgres", "canary-wrong"),
		"an unknown role":    platformtest.As(t, dsn, "nobody_at_all", "canary-wrong"),
		"a DSN to no server": "host=localhost port=x password=canary-wrong",
	} {
		start := time.Now()
		record, log := newRecorder(t)
		_, err := db.Open(t.Context(), settings(bad), db.Options{Log: log})
		require.Error(t, err, name)
		assert.Less(t, time.Since(start), 10*time.Second, name)
		assert.NotContains(t, err.Error()+record.String(), "canary", name)
		assert.Len(t, record.events(t, "pool_initialization_failed"), 1, name)
	}
}

func TestOpenWaitsForAServerThatIsNotUpYet(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	proxy.Cut()
	record, log := newRecorder(t)
	opened := make(chan error, 1)
	go func() {
		pool, err := db.Open(t.Context(), settings(proxy.DSN(dsn)), db.Options{Role: appRole, ActAs: true, Log: log})
		if err == nil {
			err = pool.Close()
		}
		opened <- err
	}()
	platformtest.Eventually(t, 10*time.Second, func() error {
		if len(record.events(t, "database_waiting")) == 0 {
			return errors.Sentinel("no attempt yet")
		}
		return nil
	})
	proxy.Restore()
	require.NoError(t, <-opened)
	assert.Len(t, record.events(t, "pool_initialized"), 1)
	assert.Equal(t, "waiting up to 60 s for "+db.Redact(proxy.DSN(dsn)), record.events(t, "database_waiting")[0]["message"])
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	proxy.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := db.Open(ctx, settings(proxy.DSN(dsn)), db.Options{Log: quiet(t)})
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)

	record, log := newRecorder(t)
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, interrupt)
	_, err = db.Open(ctx, settings(proxy.DSN(dsn)), db.Options{Log: log})
	require.ErrorIs(t, err, db.ErrOpen)
	assert.Empty(t, record.events(t, "pool_initialization_failed"), "a request to stop is no failure")
}

func TestExhaustedPoolAnswersInTime(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize, c.PoolTimeout = 1, 100*time.Millisecond })
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, pool, 1))
		start := time.Now()
		for name, wait := range map[string]func(context.Context) error{
			"a statement":   func(ctx context.Context) error { return insert(ctx, pool, 2) },
			"a transaction": func(ctx context.Context) error { return pool.InTx(ctx, func(context.Context) error { return nil }) },
		} {
			err := wait(t.Context()) //nolint:contextcheck // on purpose not in the transaction
			assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "%s: %v", name, err)
			assert.Equal(t, time.Second, errors.From(err).RetryAfter, name)
		}
		assert.Less(t, time.Since(start), 3*time.Second)
		assert.NoError(t, pool.Ping(ctx), "a health check does not queue")
		_, err := db.Exec(ctx, pool, "select pg_sleep(0.3)") // a statement may take longer than the wait for a connection
		return err
	})
	assert.NoError(t, err)
}

func TestFullPoolDiffersFromASlowStatement(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize, c.PoolTimeout = 1, time.Second })
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, pool, 1))
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := insert(short, pool, 2) //nolint:contextcheck // on purpose not in the transaction
		assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "the deadline of the request came first: %v", err)

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		err = insert(gone, pool, 2) //nolint:contextcheck // on purpose not in the transaction
		assert.True(t, errors.HasCode(err, errors.CodeClientClosedRequest), err)
		return nil
	})
	require.NoError(t, err)
}

func TestServerRestartIsNotNoticed(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool := open(t, dsn)
	require.NoError(t, insert(t.Context(), pool, 1))
	_, err := superuser(t, dsn).ExecContext(t.Context(), `
		select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
	require.NoError(t, err)
	assert.NoError(t, insert(t.Context(), pool, 2), "a stale connection is replaced before it is used")
	assert.NoError(t, pool.InTx(t.Context(), func(ctx context.Context) error { return insert(ctx, pool, 3) }))
}

func TestStatementIsNotRunTwice(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, admin := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 }), superuser(t, dsn)
	require.NoError(t, insert(t.Context(), pool, 1))
	add := func(n int) error {
		_, err := db.Exec(t.Context(), pool, "update items set amount = amount + $1", n)
		return err
	}
	require.NoError(t, add(0)) // prepares the statement, which may be tried again
	blocker, err := admin.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = blocker.ExecContext(t.Context(), "lock table items in share row exclusive mode")
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() { result <- add(1) }()
	platformtest.Eventually(t, 20*time.Second, func() error {
		var ended int
		err := admin.QueryRowContext(t.Context(), `
			select count(*) filter (where pg_terminate_backend(pid, 5000)) from pg_locks
			where relation = 'items'::regclass and not granted`).Scan(&ended)
		if err == nil && ended == 0 {
			err = errors.Sentinel("the statement does not wait for the lock yet")
		}
		return err
	})
	select {
	case err = <-result:
		assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
	case <-time.After(10 * time.Second):
		t.Error("the statement was run again and waits for the lock again")
	}
	require.NoError(t, blocker.Rollback())
	amount, err := db.One[int](t.Context(), pool, "select amount from items where id = 1")
	require.NoError(t, err, "the pool has gone on to a new connection")
	assert.Zero(t, amount)
}

func TestServerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	pool := open(t, proxy.DSN(dsn)+"&connect_timeout=1")
	require.NoError(t, insert(t.Context(), pool, 1))
	proxy.Stall()
	for name, do := range map[string]func(context.Context) error{
		"a statement":   func(ctx context.Context) error { return insert(ctx, pool, 2) },
		"a transaction": func(ctx context.Context) error { return pool.InTx(ctx, func(context.Context) error { return nil }) },
		"a ping":        pool.Ping,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		start := time.Now()
		err := do(ctx)
		cancel()
		require.Error(t, err, name)
		assert.Less(t, time.Since(start), 8*time.Second, name)
		assert.Contains(t, []errors.Code{errors.CodeGatewayTimeout, errors.CodeServiceUnavailable}, errors.From(err).Code, name)
	}
	proxy.Restore()
	platformtest.Eventually(t, 20*time.Second, func() error { // connecting may take more than its second
		return insert(t.Context(), pool, 3)
	})
}

func TestCancelledStatement(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := db.Exec(ctx, pool, "select pg_sleep(30)")
	assert.True(t, errors.HasCode(err, errors.CodeGatewayTimeout), err)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NoError(t, insert(t.Context(), pool, 1))
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.CommandTimeout = 100 * time.Millisecond })
	_, err := db.Exec(t.Context(), pool, "select pg_sleep(30)")
	assert.True(t, errors.HasCode(err, errors.CodeGatewayTimeout), err)
	assert.Equal(t, "57014", db.SQLState(err))
}

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool := open(t, dsn)
	assert.Error(t, pool.CheckSchema(t.Context(), 0), "nothing has been migrated")
	_, err := superuser(t, dsn).ExecContext(t.Context(), `
		create table goose_db_version (version_id bigint, is_applied bool);
		insert into goose_db_version values (0, true), (3, true);
		grant select on goose_db_version to db_test_role`)
	require.NoError(t, err)
	assert.NoError(t, pool.CheckSchema(t.Context(), 3))
	assert.NoError(t, pool.CheckSchema(t.Context(), 2), "a newer schema is fine")
	err = pool.CheckSchema(t.Context(), 4)
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)

	_, err = superuser(t, dsn).ExecContext(t.Context(), `
		revoke all on items from db_test_role;
		create table scratch ();
		create schema elsewhere;
		create table elsewhere.others ();
		revoke all on elsewhere.others from public`)
	require.NoError(t, err)
	err = pool.CheckSchema(t.Context(), 3)
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
	require.ErrorContains(t, err, "db_test_role has no privileges on the tables items: run: grant ")
	assert.NoError(t, pool.CheckSchema(t.Context(), 2), "the table may be of a newer version")
}

func TestLogStats(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	pool := open(t, database(t), func(_ *db.Config, o *db.Options) { o.Log = log })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		pool.LogStats(ctx, time.Millisecond)
	}()
	platformtest.Eventually(t, 5*time.Second, func() error {
		if len(record.events(t, "pool_stats")) == 0 {
			return errors.Sentinel("no pool_stats yet")
		}
		return nil
	})
	cancel()
	<-done
	stats := record.events(t, "pool_stats")[0]
	for _, field := range []string{"open", "in_use", "idle", "wait_count", "wait_ms"} {
		assert.Contains(t, stats, field)
	}
}

func TestOne(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	_, err := db.One[int](t.Context(), pool, "select id from items where id = $1", 1)
	assert.ErrorIs(t, err, sql.ErrNoRows)
	assert.True(t, errors.HasCode(errors.NotFoundOr(err, "item", 1), errors.CodeNotFound))
	all, err := db.All[int](t.Context(), pool, "select id from items")
	require.NoError(t, err)
	assert.NotNil(t, all, "no rows are an empty list, so that JSON has [] and not null")
}

func TestConfig(t *testing.T) {
	t.Parallel()
	load := func(env map[string]string) (db.Config, error) {
		c, _, err := config.Load[db.Config](t.Context(), config.Options{
			Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, Dir: t.TempDir(),
		})
		return *c, err
	}
	c, err := load(nil)
	require.NoError(t, err)
	assert.Equal(t, 30, c.MaxOpen())
	assert.Equal(t, []any{30 * time.Second, time.Hour, time.Minute, 200 * time.Millisecond},
		[]any{c.PoolTimeout, c.PoolRecycle, c.CommandTimeout, c.SlowQuery})

	for env, want := range map[string]bool{"development": true, "testing": true, "staging": false, "production": false} {
		c, err := load(map[string]string{"APP_ENVIRONMENT": env})
		require.NoError(t, err)
		assert.Equal(t, want, c.Migrates(), env)
	}
	c, err = load(map[string]string{"APP_ENVIRONMENT": "production", "DB_AUTO_MIGRATE": "true"})
	require.NoError(t, err)
	assert.True(t, c.Migrates())

	for name, value := range map[string]string{
		"DATABASE_URL": "mysql://u:canary@h/d", "DB_POOL_SIZE": "0", "DB_MAX_OVERFLOW": "101", "DB_POOL_TIMEOUT": "301",
		"DB_POOL_RECYCLE": "1m", "DB_COMMAND_TIMEOUT": "0s", "DB_AUTO_MIGRATE": "perhaps", "DB_SLOW_QUERY": "-1s",
	} {
		_, err := load(map[string]string{name: value})
		require.Error(t, err, name)
		assert.ErrorContains(t, err, name)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestReconfigureWhileInUse(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	dsn := database(t)
	pool := open(t, dsn, func(c *db.Config, o *db.Options) { c.PoolSize, o.Log = 2, log })
	assert.Equal(t, 2, pool.SQL().Stats().MaxOpenConnections)

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				_, err := db.One[int](t.Context(), pool, "select $1::int", 1)
				assert.NoError(t, err)
			}
		})
	}
	for size := range 5 {
		cfg := settings(dsn)
		cfg.PoolSize, cfg.MaxOverflow = size+1, 2
		pool.Reconfigure(t.Context(), cfg)
	}
	wg.Wait()
	assert.Equal(t, 7, pool.SQL().Stats().MaxOpenConnections)
	changed := record.events(t, "pool_reconfigured")
	require.Len(t, changed, 5)
	assert.EqualValues(t, 7, changed[4]["max_open"])

	pool.Reconfigure(t.Context(), db.Config{})
	assert.Equal(t, 1, pool.SQL().Stats().MaxOpenConnections, "an empty configuration does not remove the limit")
	assert.LessOrEqual(t, pool.SQL().Stats().Idle, 1)
}

func TestSlowQueryChangesOnOpenConnections(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	dsn := database(t)
	pool := open(t, dsn, func(c *db.Config, o *db.Options) { c.PoolSize, o.Log = 1, log })
	setLimit := func(limit time.Duration) {
		cfg := settings(dsn)
		cfg.SlowQuery = limit
		pool.Reconfigure(t.Context(), cfg)
	}
	nap := func() {
		_, err := db.One[string](t.Context(), pool, "select pg_sleep($1::float)::text", 0.02)
		require.NoError(t, err)
	}
	nap()
	assert.Empty(t, record.events(t, "query_slow"))
	setLimit(10 * time.Millisecond)
	nap()
	assert.Len(t, record.events(t, "query_slow"), 1)
	setLimit(0)
	nap()
	assert.Len(t, record.events(t, "query_slow"), 1)
}

// lib/pq closes the connection of a canceled statement, but not that of a COMMIT whose ctx ended
// before the server answered.
func TestConnectionOfALateCommitIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	_, err := superuser(t, dsn).ExecContext(t.Context(), `create table late (id int);
		grant insert on late to public;
		create function late() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return null; end $$;
		create constraint trigger late after insert on late deferrable initially deferred for each row execute function late()`)
	require.NoError(t, err)
	pool := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize, c.MaxOverflow = 1, 0 })
	backend := func() int {
		pid, err := db.One[int](t.Context(), pool, "select pg_backend_pid()")
		require.NoError(t, err)
		return pid
	}
	first := backend()
	assert.Equal(t, first, backend(), "the pool has one connection")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_ = pool.InTx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "insert into late values (1)")
		time.AfterFunc(100*time.Millisecond, cancel) // during the COMMIT
		return err
	})
	assert.NotEqual(t, first, backend())
}
