package db_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// BenchmarkTenantRead compares one read of a tenant through this package, in three round trips, with the same through
// database/sql and lib/pq as they are, in six.
func BenchmarkTenantRead(b *testing.B) {
	dsn := database(b)
	const query = "select text from private where text <> $1"

	b.Run("InTenant", func(b *testing.B) {
		pool := open(b, dsn)
		ctx := db.WithTenant(b.Context(), newID(b))
		for b.Loop() {
			require.NoError(b, pool.InTenant(ctx, func(ctx context.Context) error {
				_, err := db.All[string](ctx, pool, query, "x")
				return err
			}))
		}
	})
	b.Run("database/sql", func(b *testing.B) {
		pool := superuser(b, dsn)
		tenant := newID(b).String()
		for b.Loop() {
			tx, err := pool.BeginTx(b.Context(), nil)
			require.NoError(b, err)
			_, err = tx.ExecContext(b.Context(), "select set_config('app.tenant_id', $1, true)", tenant)
			require.NoError(b, err)
			var text string
			require.ErrorIs(b, tx.QueryRowContext(b.Context(), query, "x").Scan(&text), sql.ErrNoRows)
			require.NoError(b, tx.Commit())
		}
	})
}

// BenchmarkOne compares one row by key through this package, prepared once a connection, with sqlx on lib/pq as it is.
func BenchmarkOne(b *testing.B) {
	dsn := database(b)
	b.Run("One", func(b *testing.B) {
		pool := open(b, dsn)
		for b.Loop() {
			_, err := db.One[int](b.Context(), pool, "select $1::int", 1)
			require.NoError(b, err)
		}
	})
	b.Run("database/sql", func(b *testing.B) {
		pool := superuser(b, dsn)
		for b.Loop() {
			var n int
			require.NoError(b, pool.QueryRowContext(b.Context(), "select $1::int", 1).Scan(&n))
		}
	})
}
