package embedded

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// fileInfo is a directory with a mode and an owner.
type fileInfo struct {
	mode     fs.FileMode
	uid, gid uint32
}

func (i fileInfo) Name() string       { return "" }
func (i fileInfo) Size() int64        { return 0 }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return true }
func (i fileInfo) Sys() any           { return &syscall.Stat_t{Uid: i.uid, Gid: i.gid} }

func TestMayPass(t *testing.T) {
	t.Parallel()
	runner := &account{uid: 7, gid: 8}
	tests := []struct {
		info fileInfo
		want bool
	}{
		{fileInfo{0o700, 7, 0}, true},
		{fileInfo{0o077, 7, 8}, false}, // the owner's bits count for the owner
		{fileInfo{0o710, 0, 8}, true},
		{fileInfo{0o707, 0, 8}, false},
		{fileInfo{0o701, 0, 0}, true},
		{fileInfo{0o770, 0, 0}, false},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, runner.mayPass(test.info), "%+v", test.info)
	}
}

// TMPDIR is the process's, so these do not run in parallel.
func TestFallbackOfSomebodyElseIsRefused(t *testing.T) {
	tests := map[string]func(path string) error{
		"a link":            func(path string) error { return os.Symlink(os.TempDir(), path) },
		"a file":            func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"open to everybody": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
	}
	for name, occupy := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			path, err := placeInTemp("/data", nil)
			require.NoError(t, err)
			again, err := placeInTemp("/data", nil)
			require.NoError(t, err)
			assert.Equal(t, path, again)
			require.NoError(t, os.Remove(path))
			require.NoError(t, occupy(path))
			_, err = placeInTemp("/data", nil)
			require.ErrorContains(t, err, "is not a directory of this user alone")
		})
	}
}

func TestFallbackOutOfReach(t *testing.T) {
	private := filepath.Join(t.TempDir(), "private")
	require.NoError(t, os.Mkdir(private, 0o700))
	t.Setenv("TMPDIR", private)
	_, err := place("/proc/self/nowhere", &account{name: "someone", uid: 7, gid: 8})
	require.ErrorContains(t, err, "make the directory")
	_, err = place(filepath.Join(private, "data"), &account{name: "someone", uid: 7, gid: 8})
	require.ErrorContains(t, err, "can reach neither")
	t.Setenv("TMPDIR", filepath.Join(private, "missing"))
	_, err = placeInTemp("/data", nil)
	require.ErrorContains(t, err, "make the directory")
}

func TestPlaceForThisUser(t *testing.T) {
	t.Parallel()
	dir, err := place(filepath.Join(t.TempDir(), "a", "b"), nil)
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Error(t, admit(filepath.Join(dir, "missing")))
}

func TestCacheWithoutAHome(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	dir, err := DownloadOptions{}.cache()
	if os.Geteuid() == 0 {
		require.ErrorContains(t, err, "can reach neither", "the directory of this test is private")
		return
	}
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(os.TempDir(), "embedded-postgres"), dir)
}
