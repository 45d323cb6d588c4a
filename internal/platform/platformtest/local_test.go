package platformtest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// available returns server binaries to test with: this machine's, else downloaded ones.
func available(ctx context.Context) (embedded.Binaries, error) {
	b, err := embedded.Find(ctx)
	if errors.Is(err, embedded.ErrNoBinaries) {
		return embedded.Download(ctx, embedded.DownloadOptions{})
	}
	return b, err
}

func TestLocalServerIsKeptOnDemand(t *testing.T) {
	t.Parallel()
	r, err := startLocal(t.Context(), func(ctx context.Context) (embedded.Binaries, error) {
		b, err := available(ctx)
		b.Downloaded = true
		return b, err
	})
	require.NoError(t, err)
	assert.Equal(t, "(downloaded)", r.origin)
	hint := r.keep()
	assert.Regexp(t, `kill -INT \d+ && rm -r /`, hint)

	db, err := sql.Open("postgres", r.dsn)
	require.NoError(t, err)
	var data, fsync string
	query := "select current_setting('data_directory'), current_setting('fsync')"
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&data, &fsync))
	require.NoError(t, db.Close())
	assert.Equal(t, "off", fsync)

	// Some hours later.
	dir := filepath.Dir(filepath.Dir(data))
	old := time.Now().Add(-keptFor - time.Minute)
	require.NoError(t, os.Chtimes(dir, old, old))
	require.NoError(t, sweepLocal(t.Context(), filepath.Dir(dir)))
	assert.NoDirExists(t, dir)
}

func TestLocalServerIsRemoved(t *testing.T) {
	t.Parallel()
	r, err := startLocal(t.Context(), available)
	require.NoError(t, err)
	assert.Regexp(t, `from server binaries at|\(downloaded\)`, r.origin)
	require.NoError(t, r.stop(t.Context()))
}

func TestLocalServerThatCannotStart(t *testing.T) {
	t.Parallel()
	_, err := startLocal(t.Context(), func(context.Context) (embedded.Binaries, error) {
		return embedded.Binaries{}, errors.Sentinel("nothing to run")
	})
	require.ErrorContains(t, err, "nothing to run")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = startDownload(ctx)
	require.Error(t, err)
	require.Error(t, sweepLocal(t.Context(), "["), "a directory that is no pattern")
}

// TMPDIR is the process's, so this does not run in parallel.
func TestLocalServerWithoutADirectory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	_, err := startBinaries(t.Context())
	require.ErrorContains(t, err, "make a data directory")
	t.Setenv("TMPDIR", "[")
	_, err = startBinaries(t.Context())
	require.ErrorContains(t, err, "look for kept servers")
}
