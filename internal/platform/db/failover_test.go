package db_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// A connection that cannot be opened means an unavailable service, whatever the SQLSTATE of the refusal.
func TestFailureToConnectIsUnavailable(t *testing.T) {
	t.Parallel()
	server := platformtest.NewPrivateServer(t)
	admin := superuser(t, server.DSN())
	for _, statement := range []string{"create role rotated login password 'before'", "create database other"} {
		_, err := admin.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	u, err := url.Parse(platformtest.As(t, server.DSN(), "rotated", "before"))
	require.NoError(t, err)
	u.Path = "/other"
	pool := open(t, u.String(), func(_ *db.Config, o *db.Options) { o.Role = "" })
	for _, tt := range []struct{ state, refuse, accept string }{
		{"28P01", "alter role rotated password 'after'", "alter role rotated password 'before'"},
		{"28000", "alter role rotated nologin", "alter role rotated login"},
		{"42501", "revoke connect on database other from rotated, public", "grant connect on database other to public"},
		{"53300", "alter role rotated connection limit 0", "alter role rotated connection limit -1"},
		{"55000", "alter database other allow_connections false", "alter database other allow_connections true"},
		{"22023", "alter role rotated set role = 'nobody'", "alter role rotated reset role"},
		{"3D000", "alter database other rename to gone", "alter database gone rename to other"},
	} {
		terminate := func() {
			_, err := admin.ExecContext(t.Context(), "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'rotated'")
			require.NoError(t, err)
		}
		terminate()
		_, err := admin.ExecContext(t.Context(), tt.refuse)
		require.NoError(t, err)
		for name, do := range map[string]func() error{
			"statement":   func() error { _, err := db.One[int](t.Context(), pool, "select $1::int", 1); return err },
			"transaction": func() error { return pool.InTx(t.Context(), func(context.Context) error { return nil }) },
			"ping":        func() error { return pool.Ping(t.Context()) },
		} {
			err := do()
			if tt.state == "22023" && err == nil {
				continue // a setting of a role that does not apply is a warning
			}
			require.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "%s, %s: %v", tt.state, name, err)
			assert.Equal(t, tt.state, db.SQLState(err), name)
			assert.Equal(t, time.Second, errors.From(err).RetryAfter, name)
		}
		terminate()
		_, err = admin.ExecContext(t.Context(), tt.accept)
		require.NoError(t, err)
		require.NoError(t, pool.Ping(t.Context()), tt.state)
	}
}

// A migration that changes the type of a column outdates the plans of all connections. No request fails.
func TestSchemaChangeFailsNoTransaction(t *testing.T) {
	t.Parallel()
	const size = 8
	dsn := database(t)
	pool, admin := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = size }), superuser(t, dsn)
	require.NoError(t, insert(t.Context(), pool, 1))
	statements := []string{
		"select amount::text from items where id = $1", "select amount from items where id = $1",
		"select amount, name from items where id = $1", "update items set amount = amount where id = $1 returning amount",
		"select parent, amount from items where id = $1", "select * from items where id = $1",
	}
	all := func(ctx context.Context) error {
		for _, query := range statements {
			if _, err := db.Exec(ctx, pool, query, 1); err != nil {
				return err
			}
		}
		return nil
	}
	// everywhere runs all statements in concurrent transactions, so on all connections.
	everywhere := func() {
		var wg sync.WaitGroup
		for range size {
			wg.Go(func() {
				assert.NoError(t, pool.InTx(t.Context(), func(ctx context.Context) error {
					if _, err := db.Exec(ctx, pool, "select pg_sleep($1)", 0.1); err != nil {
						return err
					}
					return all(ctx)
				}))
			})
		}
		wg.Wait()
	}
	everywhere()
	for _, change := range []string{"type int", "type text", "type bigint using amount::bigint"} {
		_, err := admin.ExecContext(t.Context(), "alter table items alter amount drop default, alter amount "+change)
		require.NoError(t, err)
		everywhere()
		_, err = admin.ExecContext(t.Context(), "alter table items add column extra"+fmt.Sprint(len(change))+" text")
		require.NoError(t, err)
		require.NoError(t, all(t.Context()), "without a transaction")
	}
}

// writes reports whether the pool can write.
func writes(t testing.TB, pool *db.Pool) error {
	t.Helper()
	return pool.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "update items set amount = $1", 1)
		return err
	})
}

// requireBack fails unless work succeeds within two seconds.
func requireBack(t testing.TB, work func() error) {
	t.Helper()
	start := time.Now()
	platformtest.Eventually(t, 10*time.Second, work)
	require.Less(t, time.Since(start), 2*time.Second)
}

func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	server := platformtest.NewPrivateServer(t)
	admin := superuser(t, server.DSN())
	_, err := admin.ExecContext(t.Context(), schema)
	require.NoError(t, err)
	pool := open(t, server.DSN())
	require.NoError(t, writes(t, pool))
	switchTo := func(value string) {
		_, err := admin.ExecContext(t.Context(), "alter system set default_transaction_read_only = "+value)
		require.NoError(t, err)
		_, err = admin.ExecContext(t.Context(), "select pg_reload_conf()")
		require.NoError(t, err)
	}
	switchTo("on")
	platformtest.Eventually(t, 10*time.Second, func() error {
		if err := pool.Ping(t.Context()); db.SQLState(err) != "25006" || !errors.HasCode(err, errors.CodeServiceUnavailable) {
			return fmt.Errorf("ready although read-only: %w", err)
		}
		return nil
	})
	assert.True(t, errors.HasCode(writes(t, pool), errors.CodeServiceUnavailable))
	switchTo("off")
	requireBack(t, func() error { return errors.Join(pool.Ping(t.Context()), writes(t, pool)) })
}

// A service address moves to a standby that is promoted, and connections to the old server stay.
func TestPoolFollowsPromotedStandby(t *testing.T) {
	t.Parallel()
	primary := startServer(t, t.TempDir(), nil)
	admin := superuser(t, primary.DSN("postgres"))
	_, err := admin.ExecContext(t.Context(), schema)
	require.NoError(t, err)
	standby := startStandby(t, primary)
	old, next := platformtest.Target(t, primary.DSN("postgres")), platformtest.Target(t, standby.DSN("postgres"))

	address := platformtest.NewProxy(t, old)
	moved := open(t, address.DSN(primary.DSN("postgres")))
	listed := open(t, strings.Replace(primary.DSN("postgres"), old, next+","+old, 1)+"&target_session_attrs=read-write")
	pools := map[string]*db.Pool{"address that moves": moved, "list of hosts": listed}
	for name, pool := range pools {
		useAll(t, pool, name)
	}
	time.Sleep(600 * time.Millisecond) // connections become evidence with this age

	_, err = admin.ExecContext(t.Context(), "alter system set default_transaction_read_only = on")
	require.NoError(t, err)
	_, err = admin.ExecContext(t.Context(), "select pg_reload_conf()")
	require.NoError(t, err)
	for name, pool := range pools {
		platformtest.Eventually(t, 10*time.Second, func() error { // until the old server has read its settings
			if err := pool.Ping(t.Context()); !errors.HasCode(err, errors.CodeServiceUnavailable) {
				return fmt.Errorf("%s: ready although the server is read-only: %w", name, err)
			}
			return nil
		})
	}
	_, err = superuser(t, standby.DSN("postgres")).ExecContext(t.Context(), "select pg_promote()")
	require.NoError(t, err)
	address.Retarget(next)
	for name, pool := range pools {
		requireBack(t, func() error { return writes(t, pool) })
		useAll(t, pool, name)
		require.NoError(t, pool.Ping(t.Context()), name)
	}
}

// useAll writes with all connections of a pool at the same time.
func useAll(t testing.TB, pool *db.Pool, name string) {
	t.Helper()
	var all sync.WaitGroup
	for range pool.SQL().Stats().MaxOpenConnections {
		all.Go(func() {
			assert.NoError(t, slowWrite(t, pool), name)
		})
	}
	all.Wait()
}

// slowWrite keeps its connection for a while, so that concurrent calls use others.
func slowWrite(t testing.TB, pool *db.Pool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return pool.InTx(ctx, func(ctx context.Context) error {
		if _, err := db.Exec(ctx, pool, "select pg_sleep($1)", 0.1); err != nil {
			return err
		}
		_, err := db.Exec(ctx, pool, "update items set amount = $1", 1)
		return err
	})
}

// One statement without an answer retires the other connections to a server that is gone.
func TestPoolLeavesServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	silent := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	address := platformtest.NewProxy(t, silent.Addr())
	pool := open(t, address.DSN(dsn))
	useAll(t, pool, "before")
	time.Sleep(600 * time.Millisecond) // connections become evidence with this age
	silent.Stall()
	address.Retarget(platformtest.Target(t, dsn))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := db.Exec(ctx, pool, "select $1::int", 1)
	require.Error(t, err)
	start := time.Now()
	useAll(t, pool, "after")
	assert.Less(t, time.Since(start), 2*time.Second)
}

// A statement that fails while the server answers retires no other connection.
func TestFailedStatementKeepsOtherConnections(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	for name, fail := range map[string]func(context.Context, *db.Pool) error{
		"a slow ReadOne": func(ctx context.Context, pool *db.Pool) error {
			_, err := db.ReadOne[string](ctx, pool, "select pg_sleep(30)::text")
			return err
		},
		"a slow ReadAll": func(ctx context.Context, pool *db.Pool) error {
			_, err := db.ReadAll[string](ctx, pool, "select pg_sleep(30)::text")
			return err
		},
		"a slow One": func(ctx context.Context, pool *db.Pool) error {
			_, err := db.One[string](ctx, pool, "select pg_sleep($1)::text", 30)
			return err
		},
		"an All of many rows": func(ctx context.Context, pool *db.Pool) error {
			_, err := db.All[int](ctx, pool, "select generate_series(1, 1000000000)")
			return err
		},
		"a ReadOne that writes": func(ctx context.Context, pool *db.Pool) error {
			_, err := db.ReadOne[int](ctx, pool, "select 1 from items for update")
			return err
		},
		"a ReadOne of two messages that writes": func(ctx context.Context, pool *db.Pool) error {
			_, err := db.ReadOne[int](ctx, pool, "select 1 from items where name <> ';' for update")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 2 })
			before := sessions(t, pool)
			time.Sleep(600 * time.Millisecond) // connections become evidence with this age
			ctx, cancel := context.WithTimeout(db.WithTenant(t.Context(), newID(t)), 300*time.Millisecond)
			defer cancel()
			require.Error(t, fail(ctx, pool))
			after := sessions(t, pool)
			assert.True(t, slices.Contains(after[:], before[0]) || slices.Contains(after[:], before[1]),
				"sessions %v before the failure, %v after it", before, after)
		})
	}
}

// sessions returns the process ids of two connections that the pool has at the same time.
func sessions(t testing.TB, pool *db.Pool) (pids [2]int) {
	t.Helper()
	for i := range pids {
		conn, err := pool.SQL().Conn(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		require.NoError(t, conn.QueryRowContext(t.Context(), "select pg_backend_pid()").Scan(&pids[i]))
	}
	return pids
}
