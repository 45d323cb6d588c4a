package db_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func write(pool *db.Pool, tenant uuid.UUID, text string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "insert into private (tenant_id, text) values ($1, $2)", tenant, text)
		return err
	}
}

// texts forgets the tenant on purpose: row security is what keeps tenants apart.
func texts(ctx context.Context, t testing.TB, pool *db.Pool) (list []string) {
	t.Helper()
	require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) (err error) {
		list, err = db.All[string](ctx, pool, "select text from private order by text")
		return err
	}))
	return list
}

func TestTenantsAreKeptApart(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	a, b := newID(t), newID(t)
	asA, asB := db.WithTenant(t.Context(), a), db.WithTenant(t.Context(), b)
	require.NoError(t, pool.InTenant(asA, write(pool, a, "a's")))
	require.NoError(t, pool.InTenant(asB, write(pool, b, "b's")))

	assert.Equal(t, []string{"a's"}, texts(asA, t, pool))
	assert.Equal(t, []string{"b's"}, texts(asB, t, pool))
	assert.Error(t, pool.InTenant(asA, write(pool, b, "smuggled")), "a row for another tenant")
	require.NoError(t, pool.InTenant(asA, func(ctx context.Context) error {
		n, err := db.Exec(ctx, pool, "update private set text = 'changed'")
		assert.EqualValues(t, 1, n, "an update reaches the own row only")
		if err == nil {
			n, err = db.Exec(ctx, pool, "delete from private")
			assert.EqualValues(t, 1, n)
		}
		return err
	}))
	assert.Equal(t, []string{"b's"}, texts(asB, t, pool))
	assert.Zero(t, count(t.Context(), t, pool, "private"), "without a tenant there is nothing")
}

func TestTenantEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	// One connection, so that what is left on it would be seen.
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	a := newID(t)
	require.NoError(t, pool.InTenant(db.WithTenant(t.Context(), a), write(pool, a, "a's")))
	assert.Zero(t, count(t.Context(), t, pool, "private"))
	assert.Error(t, pool.InTenant(db.WithTenant(t.Context(), a), func(context.Context) error { return errTest }))
	assert.Zero(t, count(t.Context(), t, pool, "private"))
}

func TestTenantIsNeeded(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	for _, ctx := range []context.Context{t.Context(), db.WithTenant(t.Context(), uuid.Nil)} {
		err := pool.InTenant(ctx, func(context.Context) error { panic("must not run") })
		assert.True(t, errors.HasCode(err, errors.CodeInternal), err)
	}
}

func TestNestedTenants(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	a, b, user := newID(t), newID(t), newID(t)
	asA, asB := db.WithTenant(t.Context(), a), db.WithTenant(t.Context(), b)

	require.NoError(t, pool.InTenant(asA, func(ctx context.Context) error {
		assert.NoError(t, pool.InTenant(ctx, write(pool, a, "nested")), "the same tenant joins")
		err := pool.InTenant(db.WithTenant(ctx, b), func(context.Context) error { panic("must not run") })
		assert.True(t, errors.HasCode(err, errors.CodeInternal), "another tenant is refused: %v", err)
		return nil
	}))
	assert.Equal(t, []string{"nested"}, texts(asA, t, pool))

	require.NoError(t, pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, pool.InTenant(db.WithTenant(ctx, b), write(pool, b, "b's")))
		assert.Zero(t, count(ctx, t, pool, "private"), "after the nested transaction there is no tenant again")
		assert.ErrorIs(t, pool.InTenant(db.WithTenant(ctx, b), func(context.Context) error { return errTest }), errTest)
		assert.Zero(t, count(ctx, t, pool, "private"), "nor after one that failed")
		return pool.InTenant(db.WithUser(db.WithTenant(ctx, a), user), func(ctx context.Context) error {
			assert.Equal(t, 1, count(ctx, t, pool, "private"))
			return nil
		})
	}))
	assert.Equal(t, []string{"b's"}, texts(asB, t, pool))
}

func TestUserSeesTheirOwn(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	a, user := newID(t), newID(t)
	require.NoError(t, pool.InTenant(db.WithTenant(t.Context(), a), func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "insert into private (tenant_id, owner, text) values ($1, $2, 'mine')", a, user)
		return err
	}))
	require.NoError(t, pool.InTx(db.WithUser(t.Context(), user), func(ctx context.Context) error {
		assert.Equal(t, 1, count(ctx, t, pool, "private"))
		return nil
	}))
	require.NoError(t, pool.InTx(db.WithUser(t.Context(), newID(t)), func(ctx context.Context) error {
		assert.Zero(t, count(ctx, t, pool, "private"))
		return nil
	}))
}

func TestTenantTransactionTakesThreeRoundTrips(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, hostOf(t, dsn))
	pool := open(t, proxy.DSN(dsn), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	ctx := db.WithUser(db.WithTenant(t.Context(), newID(t)), newID(t))
	read := func() {
		require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) error {
			_, err := db.All[string](ctx, pool, "select text from private where text <> $1", "x")
			return err
		}))
	}
	read() // prepares the statement
	before := proxy.RoundTrips()
	read()
	assert.EqualValues(t, 3, proxy.RoundTrips()-before, "BEGIN with the tenant, the statement, COMMIT")

	_, err := db.One[int](ctx, pool, "select $1::int", 1)
	require.NoError(t, err)
	before = proxy.RoundTrips()
	_, err = db.One[int](ctx, pool, "select $1::int", 2)
	require.NoError(t, err)
	assert.EqualValues(t, 1, proxy.RoundTrips()-before, "a statement that is prepared already")
}
