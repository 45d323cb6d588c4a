package platformtest_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestPrivateServerIsKilledAndStarted(t *testing.T) {
	t.Parallel()
	s := platformtest.NewPrivateServer(t)
	dsn := s.DSN()
	pool, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	_, err = pool.ExecContext(t.Context(), "create table kept (id int)")
	require.NoError(t, err)

	s.Kill(t)
	require.Error(t, pool.PingContext(t.Context()))

	s.Start(t)
	assert.Equal(t, dsn, s.DSN())
	_, err = pool.ExecContext(t.Context(), "insert into kept values (1)")
	assert.NoError(t, err, "the data is there again")
	shared, _ := platformtest.Shared(t)
	assert.NotContains(t, shared, dsn)
}
