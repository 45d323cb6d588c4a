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
		assert.Equal(t, "server binaries at "+found.Dir, s.Source())
		assert.Equal(t, found.Version, s.Version())
		assert.Contains(t, query(t, dsn, "show server_version"), s.Version())
	})
	t.Run("has one owner", func(t *testing.T) {
		_, err := embedded.Start(t.Context(), scratch(s.Dir()))
		require.ErrorIs(t, err, embedded.ErrInUse)
		require.ErrorContains(t, err, s.Dir())
		require.ErrorContains(t, err, strconv.Itoa(os.Getpid()))
	})
	t.Run("may end by itself", func(t *testing.T) {
		require.NoError(t, syscall.Kill(s.PID(), syscall.SIGTERM))
		<-s.Done()
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

func TestKeptServerRunsForATime(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(t.Context(), scratch(publicDir(t)))
	require.NoError(t, err)
	require.NoError(t, s.Keep(2*time.Second))
	require.NoError(t, s.Keep(time.Hour), "a second call does nothing")
	require.NoError(t, s.Stop(t.Context()), "a stop does nothing any more")
	assert.Equal(t, "1", query(t, s.DSN("postgres"), "select 1"))
	<-s.Done()
}

func TestHalfMadeDataIsReplaced(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	half := filepath.Join(dir, "init-1", "data")
	require.NoError(t, os.MkdirAll(half, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600))
	start(t, scratch(dir))
	assert.NoDirExists(t, half)
}

func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	data := filepath.Join(o.Dir, "cluster", "data")
	file := filepath.Join(data, "postmaster.pid")
	// The first start is without such a file. Then: nobody has the number, another process has it, there is none.
	for _, pid := range []string{"", "2147483646", strconv.Itoa(os.Getpid()), "damaged"} {
		if pid != "" {
			require.NoError(t, os.WriteFile(file, []byte(pid+"\n"+data+"\n1700000000\n5432\n\n\n"), 0o600))
			sameOwner(t, data, file)
		}
		s, err := embedded.Start(t.Context(), o)
		require.NoError(t, err, pid)
		require.NoError(t, s.Stop(t.Context()))
	}
}

// One directory is damaged more and more.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	o.Binaries = embedded.Find
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	password, version := filepath.Join(o.Dir, "cluster", "password"), filepath.Join(o.Dir, "cluster", "data", "PG_VERSION")

	require.NoError(t, os.WriteFile(password, []byte("hunter2"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "is not the password")
	assert.NotContains(t, err.Error(), "hunter2")

	require.NoError(t, os.Remove(password))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "read the password")

	require.NoError(t, os.WriteFile(version, []byte("9\n"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorIs(t, err, embedded.ErrOtherVersion)
	require.ErrorContains(t, err, "install PostgreSQL 9, or delete")

	require.NoError(t, os.WriteFile(version, []byte("?\n"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "delete the directory")

	require.NoError(t, os.Remove(version))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "delete it to begin with an empty database")
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(publicDir(t), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := map[string]struct {
		options embedded.Options
		want    string
	}{
		"no directory":        {embedded.Options{}, "no directory"},
		"directory is a file": {scratch(file), "make the directory"},
		"unknown setting": {embedded.Options{Dir: publicDir(t), Scratch: true, Settings: map[string]string{"no_such": "1"}},
			"no_such"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := embedded.Start(t.Context(), test.options)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := scratch(dir)
	o.Binaries = func(ctx context.Context) (embedded.Binaries, error) {
		defer cancel()
		return embedded.Available(ctx)
	}
	_, err := embedded.Start(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	left, err := filepath.Glob(filepath.Join(dir, "[ci]*"))
	require.NoError(t, err)
	assert.Empty(t, left, "half-made data")
}
