package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

func TestHalfMadeDataIsMadeAnew(t *testing.T) {
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

// One directory is spoilt more and more.
func TestSpoiltData(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	o.Binaries = embedded.Find
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	password, version := filepath.Join(o.Dir, "cluster", "password"), filepath.Join(o.Dir, "cluster", "data", "PG_VERSION")

	require.NoError(t, os.WriteFile(password, []byte("hunter2"), 0o600))
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "does not hold the password")
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
	require.ErrorContains(t, err, "delete it to start anew")
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

func TestStartHonoursItsContext(t *testing.T) {
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
