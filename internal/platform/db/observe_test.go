package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

func TestStatementsAreLoggedWithoutTheirArguments(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	pool := open(t, database(t), func(c *db.Config, o *db.Options) { o.Log, c.SlowQuery = log, time.Minute })
	_, err := db.Exec(t.Context(), pool, "insert into items (id, name)\n\t values ($1, $2)", 1, "canary")
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), pool, "insert into items (id, name) values ($1, $2)", 2, "canary")
	require.Error(t, err)
	_, err = db.All[int](t.Context(), pool, "select g from generate_series(1, $1::int) g", 3)
	require.NoError(t, err)

	queries := record.events(t, "query")
	last := queries[len(queries)-3:]
	assert.Equal(t, "insert into items (id, name) values ($1, $2)", last[0]["query"], "on one line")
	assert.EqualValues(t, 1, last[0]["rows"])
	assert.Contains(t, last[1]["error"], "unique_violation")
	assert.EqualValues(t, 3, last[2]["rows"])
	assert.NotContains(t, record.String(), "canary")
	assert.Empty(t, record.events(t, "query_slow"))
}

func TestErrorAmongTheRowsIsLogged(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	pool := open(t, database(t), func(_ *db.Config, o *db.Options) { o.Log = log })
	_, err := db.All[int](t.Context(), pool, "select 1 / (3 - g) from generate_series(1, $1::int) g", 5)
	require.Error(t, err)
	queries := record.events(t, "query")
	assert.Contains(t, queries[len(queries)-1]["error"], "division_by_zero")
}

func TestSlowStatementsAreWarnings(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	pool := open(t, database(t), func(c *db.Config, o *db.Options) { o.Log, c.SlowQuery = log, 50*time.Millisecond })
	_, err := db.One[string](t.Context(), pool, "select pg_sleep($1::float)::text", 0.06)
	require.NoError(t, err)
	slow := record.events(t, "query_slow")
	require.Len(t, slow, 1)
	assert.Equal(t, "warning", slow[0]["level"])
	assert.GreaterOrEqual(t, slow[0]["duration_ms"], 60.0)
}

func TestPreparedStatementsOutliveAChangeOfTheSchema(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	require.NoError(t, insert(t.Context(), pool, 1))
	type item struct {
		ID     int
		Amount int64
	}
	read := func(ctx context.Context) (item, error) {
		return db.One[item](ctx, pool, "select id, amount from items where id = $1", 1)
	}
	_, err := read(t.Context())
	require.NoError(t, err)
	_, err = superuser(t, dsn).ExecContext(t.Context(), "alter table items alter column amount type bigint")
	require.NoError(t, err)
	_, err = read(t.Context())
	assert.NoError(t, err, "the plan no longer fits and is made anew")

	_, err = superuser(t, dsn).ExecContext(t.Context(), "alter table items alter column amount type int")
	require.NoError(t, err)
	fails := func() error {
		return pool.InTx(t.Context(), func(ctx context.Context) error {
			_, err := read(ctx)
			return err
		})
	}
	assert.Equal(t, "0A000", db.SQLState(fails()), "in a transaction it is too late")
	assert.NoError(t, fails(), "but the next one is fine")
}

func TestPreparedStatementsAreBounded(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	for i := range 300 {
		_, err := db.One[int](t.Context(), pool, fmt.Sprintf("select $1::int + %d", i), 1)
		require.NoError(t, err)
	}
	n, err := db.One[int](t.Context(), pool, "select count(*) from pg_prepared_statements")
	require.NoError(t, err)
	assert.Equal(t, 256, n)
}

func TestBinaryParametersPrepareNothing(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t)+"&binary_parameters=yes", func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	_, err := db.One[int](t.Context(), pool, "select $1::int", 1)
	require.NoError(t, err)
	n, err := db.One[int](t.Context(), pool, "select count(*) from pg_prepared_statements")
	require.NoError(t, err)
	assert.Zero(t, n)
}
