//go:build unix

package db_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// pg_stat_statements keeps the 5,000 most frequent statements: one for each tenant or savepoint
// would drive out the others.
func TestStatementsDoNotDependOnTheTenant(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "statements-") // the server's user passes it, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	dsn := startServer(t, dir, map[string]string{"shared_preload_libraries": "pg_stat_statements"}).DSN("postgres")
	admin := superuser(t, dsn)
	_, err = admin.ExecContext(t.Context(), schema+"; create extension pg_stat_statements")
	require.NoError(t, err)
	pool := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	read := func(ctx context.Context) error {
		_, err := db.All[string](ctx, pool, "select text from private where text <> $1", "x")
		return err
	}
	transactions := func(n int) (entries int) {
		for range n {
			ctx := db.WithMember(t.Context(), newID(t), newID(t))
			require.NoError(t, pool.InTenant(ctx, read))
			_, err := db.ReadAll[string](ctx, pool, "select text from private where text <> $1", newID(t))
			require.NoError(t, err)
			require.NoError(t, pool.InTx(t.Context(), func(context.Context) error { return nil }))
			require.NoError(t, pool.InTx(db.WithUser(t.Context(), newID(t)), func(outer context.Context) error {
				if err := pool.InTenant(db.WithTenant(outer, newID(t)), read); err != nil {
					return err
				}
				err := pool.InTenant(db.WithTenant(outer, newID(t)), func(context.Context) error { return errTest })
				assert.ErrorIs(t, err, errTest)
				return nil
			}))
		}
		require.NoError(t, admin.QueryRowContext(t.Context(), "select count(*) from pg_stat_statements").Scan(&entries))
		return entries
	}
	first := transactions(2)
	require.Greater(t, first, 5)
	assert.LessOrEqual(t, transactions(200), first+1, "entries after 200 tenants; the count itself is one")
}
