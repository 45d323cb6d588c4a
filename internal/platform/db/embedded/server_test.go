package embedded_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

func TestDataOutlivesTheServer(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	first, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	query(t, first.DSN("postgres"), "create table kept as select 'yes' as answer")
	require.NoError(t, first.Stop(t.Context()))
	<-first.Done()
	require.NoError(t, first.Err(), "a stop is not a failure")
	require.NoError(t, first.Stop(t.Context()), "a second stop does nothing")

	second := start(t, o)
	assert.Equal(t, "yes", query(t, second.DSN("postgres"), "select answer from kept"))
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := start(t, scratch(publicDir(t)))
	dsn := s.DSN("postgres")

	t.Run("is private", func(t *testing.T) {
		assert.Equal(t, "127.0.0.1", query(t, dsn, "show listen_addresses"))
		assert.Empty(t, query(t, dsn, "show unix_socket_directories"))
		info, err := os.Stat(filepath.Join(s.Dir(), "cluster", "password"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		password, _ := u.User.Password()
		assert.GreaterOrEqual(t, len(password), 26)
	})
	t.Run("has the settings", func(t *testing.T) {
		assert.Equal(t, "off", query(t, dsn, "show fsync"))
		assert.Equal(t, "UTF8", query(t, dsn, "show server_encoding"))
	})
	t.Run("says what it is", func(t *testing.T) {
		found, err := embedded.Available(t.Context())
		require.NoError(t, err)
		assert.Contains(t, []string{"server binaries at " + found.Dir, "downloaded PostgreSQL " + found.Version}, s.Source())
		assert.Equal(t, found.Version, s.Version())
		assert.Contains(t, query(t, dsn, "show server_version"), s.Version())
	})
	t.Run("creates a database once", func(t *testing.T) {
		for range 2 {
			require.NoError(t, s.EnsureDatabase(t.Context(), `odd "name"`))
		}
		assert.Equal(t, `odd "name"`, query(t, s.DSN(`odd "name"`), "select current_database()"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.EnsureDatabase(ctx, "late"), context.Canceled)
	})
	t.Run("has one owner", func(t *testing.T) {
		_, err := embedded.Start(t.Context(), scratch(s.Dir()))
		require.ErrorIs(t, err, embedded.ErrInUse)
		require.ErrorContains(t, err, s.Dir())
		require.ErrorContains(t, err, strconv.Itoa(os.Getpid()))
		require.ErrorIs(t, embedded.Destroy(t.Context(), s.Dir()), embedded.ErrInUse)
	})
	t.Run("detaches only when told before", func(t *testing.T) {
		require.ErrorContains(t, s.Detach(), "not started as detachable")
	})
	t.Run("may end by itself", func(t *testing.T) {
		require.NoError(t, s.Err())
		require.NoError(t, syscall.Kill(s.PID(), syscall.SIGTERM))
		<-s.Done()
		require.ErrorContains(t, s.Err(), "shut down")
	})
}

func TestStopDoesNotWaitForASlowShutdown(t *testing.T) {
	t.Parallel()
	s := start(t, scratch(publicDir(t)))
	require.NoError(t, syscall.Kill(s.PID(), syscall.SIGSTOP)) // it cannot even take the signals
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begin := time.Now()
	require.ErrorContains(t, s.Stop(ctx), "the next start recovers")
	assert.Less(t, time.Since(begin), 9*time.Second)
}

func TestDetachedServerRunsOn(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	o.Detachable = true
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Detach())
	require.NoError(t, s.Detach(), "a second call does nothing")
	require.NoError(t, s.Stop(t.Context()), "a stop does nothing any more")
	assert.Equal(t, "1", query(t, s.DSN("postgres"), "select 1"))

	require.NoError(t, embedded.Destroy(t.Context(), s.Dir()))
	<-s.Done()
	assert.NoDirExists(t, s.Dir())
	require.NoError(t, embedded.Destroy(t.Context(), s.Dir()), "nothing to remove")
}
