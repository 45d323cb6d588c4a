package db_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
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

// spans records statements as a tracer would.
type spans struct {
	mu   sync.Mutex
	list []span
}

type span struct {
	db.Statement
	request any // of ctx
}

func (s *spans) observe(ctx context.Context, statement db.Statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, span{statement, ctx.Value(requestKey{})})
}

type requestKey struct{}

func TestObserverSeesStatementsWithoutValues(t *testing.T) {
	t.Parallel()
	seen, before := &spans{}, time.Now()
	pool := open(t, database(t), func(_ *db.Config, o *db.Options) { o.Observe, o.Log = seen.observe, logging.Logger{} })
	ctx := context.WithValue(t.Context(), requestKey{}, "r1")
	_, err := db.All[string](ctx, pool, "select\n\t'it''s canary' || g || pg_sleep(0.02) from generate_series(1, $1::int) g", 3)
	require.NoError(t, err)
	_, err = db.Exec(ctx, pool, "insert into items (id, name) values ($1, $2), ($1, $2)", 1, "canary")
	require.Error(t, err)
	require.Len(t, seen.list, 2)
	rows, failed := seen.list[0], seen.list[1]
	assert.Equal(t, "select '?' || g || pg_sleep(0.02) from generate_series(1, $1::int) g", rows.SQL)
	assert.Equal(t, span{db.Statement{SQL: rows.SQL, Start: rows.Start, Duration: rows.Duration, Rows: 3}, "r1"}, rows)
	assert.GreaterOrEqual(t, rows.Duration, 20*time.Millisecond)
	assert.WithinRange(t, rows.Start.Add(rows.Duration), before, time.Now())
	assert.Equal(t, "insert into items (id, name) values ($1, $2), ($1, $2)", failed.SQL)
	require.ErrorContains(t, failed.Err, "unique_violation")
	assert.NotContains(t, failed.Err.Error(), "canary")
	assert.Equal(t, "23505", db.SQLState(failed.Err))
}

func TestUtilization(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize, c.MaxOverflow = 3, 1 })
	assert.Zero(t, pool.Utilization())
	require.NoError(t, pool.InTx(t.Context(), func(context.Context) error {
		assert.InDelta(t, 0.25, pool.Utilization(), 0)
		return nil
	}))
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
