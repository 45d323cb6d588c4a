package db

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestWaitNamesTheServerAndTheTime(t *testing.T) {
	t.Parallel()
	cfg := Config{URL: config.Secret("postgres://ada:canary@127.0.0.1:1/app")}
	c, err := newConnector(t.Context(), cfg, "", logging.Logger{})
	require.NoError(t, err)
	pool := sql.OpenDB(c)
	defer func() { require.NoError(t, pool.Close()) }()
	var lines bytes.Buffer
	core, err := logging.NewCore(logging.Options{App: "test", Output: &lines})
	require.NoError(t, err)
	err = wait(t.Context(), pool, cfg, time.Second, logging.New(core, "db"))
	require.ErrorContains(t, err, "postgres://ada@127.0.0.1:1/app (DATABASE_URL) did not answer for 1 s: ")
	assert.ErrorContains(t, err, "connection refused")
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable))
	assert.Equal(t, 1, strings.Count(lines.String(), "\n"), "one line for several attempts")
	assert.Contains(t, lines.String(), "waiting up to 1 s for postgres://ada@127.0.0.1:1/app")
	assert.Contains(t, lines.String(), "connection refused")
}
