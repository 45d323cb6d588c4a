package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

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
	assert.Equal(t, 1, pool.SQL().Stats().MaxOpenConnections, "a configuration that says nothing does not lift the limit")
	assert.LessOrEqual(t, pool.SQL().Stats().Idle, 1)
}

func TestSlowQueryChangesOnOpenConnections(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	pool := open(t, database(t), func(c *db.Config, o *db.Options) { c.PoolSize, o.Log = 1, log })
	nap := func() {
		_, err := db.One[string](t.Context(), pool, "select pg_sleep($1::float)::text", 0.02)
		require.NoError(t, err)
	}
	nap()
	assert.Empty(t, record.events(t, "query_slow"))
	pool.SetSlowQuery(10 * time.Millisecond)
	nap()
	assert.Len(t, record.events(t, "query_slow"), 1)
	pool.SetSlowQuery(0)
	nap()
	assert.Len(t, record.events(t, "query_slow"), 1)
}
