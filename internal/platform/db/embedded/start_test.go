package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

func TestDirectoryHasOneOwner(t *testing.T) {
	t.Parallel()
	s := start(t, scratch(t.TempDir()))
	_, err := embedded.Start(t.Context(), scratch(s.Dir()))
	require.ErrorIs(t, err, embedded.ErrInUse)
	require.ErrorContains(t, err, s.Dir())
	require.ErrorContains(t, err, strconv.Itoa(os.Getpid()))
}

func TestHalfMadeDataIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := filepath.Join(dir, "init-1", "data")
	require.NoError(t, os.MkdirAll(half, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600))
	start(t, scratch(dir))
	assert.NoDirExists(t, half)
}

func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nobody has the number":          "2147483646",
		"another process has the number": strconv.Itoa(os.Getpid()),
		"damaged":                        "not a number",
	}
	for name, pid := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scratch(t.TempDir())
			s, err := embedded.Start(t.Context(), o)
			require.NoError(t, err)
			data := query(t, s.DSN("postgres"), "show data_directory")
			require.NoError(t, s.Stop(t.Context()))
			file := filepath.Join(data, "postmaster.pid")
			require.NoError(t, os.WriteFile(file, []byte(pid+"\n"+data+"\n1700000000\n5432\n\n\n"), 0o600))
			if os.Geteuid() == 0 {
				sameOwner(t, data, file)
			}
			start(t, o)
		})
	}
}

func TestDataOfAnotherVersion(t *testing.T) {
	t.Parallel()
	o := scratch(t.TempDir())
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	file := filepath.Join(s.Dir(), "cluster", "data", "PG_VERSION")

	o.Binaries = embedded.Find
	require.NoError(t, os.WriteFile(file, []byte("9\n"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorIs(t, err, embedded.ErrOtherVersion)
	require.ErrorContains(t, err, "install PostgreSQL 9, or delete")

	require.NoError(t, os.WriteFile(file, []byte("?\n"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "delete the directory")

	require.NoError(t, os.Remove(file))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "delete it to start anew")
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := map[string]struct {
		options embedded.Options
		want    string
	}{
		"no directory":        {embedded.Options{}, "no directory"},
		"directory is a file": {scratch(file), "make the directory"},
		"unknown setting": {embedded.Options{Dir: t.TempDir(), Scratch: true, Settings: map[string]string{"no_such": "1"}},
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

func TestForeignPasswordFile(t *testing.T) {
	t.Parallel()
	o := scratch(t.TempDir())
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	file := filepath.Join(s.Dir(), "cluster", "password")
	require.NoError(t, os.WriteFile(file, []byte("another"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "does not hold the password")
	assert.NotContains(t, strings.ReplaceAll(err.Error(), s.Dir(), ""), "another")

	require.NoError(t, os.Remove(file))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "read the password")
}

func TestStartHonoursItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o := scratch(dir)
	o.Binaries = func(ctx context.Context) (embedded.Binaries, error) {
		defer cancel()
		return embedded.Find(ctx)
	}
	_, err := embedded.Start(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	left, err := filepath.Glob(filepath.Join(dir, "[ci]*"))
	require.NoError(t, err)
	assert.Empty(t, left, "half-made data")
}
