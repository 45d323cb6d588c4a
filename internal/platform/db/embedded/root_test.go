package embedded_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publicDir returns a directory that every user can reach, which those of the testing package are not.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func ownerOf(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return stat
}

func sameOwner(t *testing.T, like, path string) {
	t.Helper()
	stat := ownerOf(t, like)
	require.NoError(t, os.Chown(path, int(stat.Uid), int(stat.Gid)))
}

func TestPrivateParent(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	private := dir + "/private"
	require.NoError(t, os.Mkdir(private, 0o700))
	o := scratch(private + "/data")
	s := start(t, o)
	if os.Geteuid() != 0 {
		assert.Equal(t, o.Dir, s.Dir(), "this user can reach it")
		return
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(s.Dir())) })
	assert.NotContains(t, s.Dir(), private)
	query(t, s.DSN("postgres"), "create table kept as select 'yes' as answer")
	require.NoError(t, s.Stop(t.Context()))
	again := start(t, o)
	assert.Equal(t, s.Dir(), again.Dir(), "the same directory for the same path")
	assert.Equal(t, "yes", query(t, again.DSN("postgres"), "select answer from kept"))
}
