package db_test

import (
	"database/sql"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// What a library that was given [db.Pool.SQL] asks of the driver.
func TestTransactionsOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t)).SQL()
	assert.IsType(t, &pq.Driver{}, pool.Driver())
	for _, tt := range []struct {
		options         sql.TxOptions
		level, readOnly string
	}{
		{sql.TxOptions{}, "read committed", "off"},
		{sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}, "serializable", "on"},
	} {
		tx, err := pool.BeginTx(t.Context(), &tt.options)
		require.NoError(t, err)
		var level, readOnly string
		require.NoError(t, tx.QueryRowContext(t.Context(),
			"select current_setting('transaction_isolation'), current_setting('transaction_read_only')").Scan(&level, &readOnly))
		assert.Equal(t, []string{tt.level, tt.readOnly}, []string{level, readOnly})
		require.NoError(t, tx.Commit())
	}
	_, err := pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSnapshot})
	assert.ErrorContains(t, err, "is not PostgreSQL's")
}

func TestStatementThatCannotBePrepared(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	for range 2 {
		_, err := db.One[int](t.Context(), pool, "select x from nowhere where x = $1", 1)
		assert.Equal(t, "42P01", db.SQLState(err))
	}
	require.NoError(t, insert(t.Context(), pool, 1), "leaves the connection as it was")
}
