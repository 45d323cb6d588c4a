package embedded

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// hideBinaries makes [Find] find nothing. It changes the environment of the process.
func hideBinaries(t *testing.T) {
	t.Helper()
	before := patterns
	t.Cleanup(func() { patterns = before })
	patterns = nil
	t.Setenv("PATH", t.TempDir())
}

func TestWithoutBinariesAndNetwork(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		http.NotFound(w, r)
	}))
	defer server.Close()
	before := repository
	defer func() { repository = before }()
	repository = server.URL
	cache, err := os.MkdirTemp("", "embedded-test-")
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(cache)) }()
	require.NoError(t, os.Chmod(cache, 0o755))
	t.Setenv("HOME", cache)
	t.Setenv("XDG_CACHE_HOME", cache)

	found, err := Options{}.binaries(t.Context(), 99)
	require.NoError(t, err, "none of the version of the data: start reports that")
	assert.NotZero(t, found.Major())

	hideBinaries(t)
	_, err = Find(t.Context())
	require.ErrorIs(t, err, ErrNoBinaries)
	_, err = Options{}.binaries(t.Context(), 16)
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "404 Not Found")
	for _, advice := range []string{"set DATABASE_URL", "install PostgreSQL", "Docker"} {
		require.ErrorContains(t, err, advice)
	}
	assert.Contains(t, asked, "/"+versions[16]+"/", "the version of the data")
	assert.Zero(t, Binaries{}.Major())
}

// An archive must not write outside of its directory.
func TestUnpackRefusesNamesOutside(t *testing.T) {
	t.Parallel()
	for _, header := range []tar.Header{
		{Name: "../escaped", Typeflag: tar.TypeReg},
		{Name: "/escaped", Typeflag: tar.TypeReg},
		{Name: "../escaped", Typeflag: tar.TypeDir},
	} {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "in"), 0o755))
		root, err := os.OpenRoot(filepath.Join(dir, "in"))
		require.NoError(t, err)
		require.Error(t, extract(root, strings.NewReader(""), &header), header.Name)
		require.NoError(t, root.Symlink("..", "link"))
		require.Error(t, extract(root, strings.NewReader(""), &tar.Header{Name: "link/escaped", Typeflag: tar.TypeReg}))
		require.NoError(t, extract(root, nil, &tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}), "other types are ignored")
		require.NoError(t, root.Close())
		assert.NoFileExists(t, filepath.Join(dir, "escaped"))
	}
}

func TestUnpackRefusesDamagedArchives(t *testing.T) {
	t.Parallel()
	xz := exec.CommandContext(t.Context(), "xz", "--check=crc32")
	xz.Stdin = strings.NewReader(strings.Repeat("not a tar file", 100))
	compressed, err := xz.Output()
	require.NoError(t, err)
	dir := t.TempDir()
	require.ErrorContains(t, unpack(jar(t, "", nil), filepath.Join(dir, "a")), "no server")
	require.ErrorContains(t, unpack(jar(t, "server.txz", []byte("not compressed")), filepath.Join(dir, "b")), "xz")
	require.ErrorIs(t, unpack(jar(t, "server.txz", compressed), filepath.Join(dir, "c")), tar.ErrHeader)
	require.ErrorIs(t, unpack(jar(t, "server.txz", compressed), filepath.Join(dir, "c")), os.ErrExist)
}

// jar returns a zip file with one file, or none when name is empty.
func jar(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if name != "" {
		file, err := w.Create(name)
		require.NoError(t, err)
		_, err = file.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// available returns server binaries to test with: this machine's, else downloaded ones.
func available(ctx context.Context) (Binaries, error) {
	b, err := Find(ctx)
	if errors.Is(err, ErrNoBinaries) {
		return Download(ctx)
	}
	return b, err
}

// A server whose port is taken at the last moment is started again on another one.
func TestStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	found, err := available(t.Context())
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "embedded-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))

	// A postgres that finds its port taken, the first time.
	script := `#!/bin/sh
if [ "$1" != --version ] && [ ! -e "$2/tried" ]; then
	touch "$2/tried"
	echo 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use' >&2
	exit 1
fi
exec ` + filepath.Join(found.Dir, "postgres") + ` "$@"
`
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, WriteProgram(filepath.Join(bin, "postgres"), []byte(script)))
	initdb := "#!/bin/sh\nexec " + filepath.Join(found.Dir, "initdb") + " \"$@\"\n"
	require.NoError(t, WriteProgram(filepath.Join(bin, "initdb"), []byte(initdb)))

	s, err := Start(t.Context(), Options{
		Dir: filepath.Join(dir, "data"), Scratch: true,
		Binaries: func(ctx context.Context) (Binaries, error) { return Inspect(ctx, bin) },
	})
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(s.dir.data(), "tried"))
	previous, err := os.ReadFile(s.dir.log() + ".old")
	require.NoError(t, err)
	assert.Contains(t, string(previous), "already in use")
	require.NoError(t, s.Stop(t.Context()))
}

// The kernel decides, so the test needs root to ask as somebody else.
func TestReaches(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program as another user")
	}
	dir, err := os.MkdirTemp("", "embedded-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	tests := []struct {
		mode     os.FileMode
		uid, gid int
		want     bool
	}{
		{0o700, 65533, 0, true},
		{0o077, 65533, 65534, false}, // the owner's bits count for the owner
		{0o710, 0, 65534, true},
		{0o707, 0, 65534, false},
		{0o701, 0, 0, true},
		{0o770, 0, 0, false},
	}
	for _, test := range tests {
		require.NoError(t, os.Chown(dir, test.uid, test.gid))
		require.NoError(t, os.Chmod(dir, test.mode))
		assert.Equal(t, test.want, (&account{uid: 65533, gid: 65534}).reaches(t.Context(), dir), "%+v", test)
	}
}

// TMPDIR is the process's, so these do not run in parallel.
func TestTempDirOfAnotherUserIsRefused(t *testing.T) {
	tests := map[string]func(path string) error{
		"a link":            func(path string) error { return os.Symlink(os.TempDir(), path) },
		"a file":            func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"open to everybody": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
	}
	for name, occupy := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			path, err := makeTempDir(t.Context(), "/data", nil)
			require.NoError(t, err)
			again, err := makeTempDir(t.Context(), "/data", nil)
			require.NoError(t, err)
			assert.Equal(t, path, again)
			require.NoError(t, os.Remove(path))
			require.NoError(t, occupy(path))
			_, err = makeTempDir(t.Context(), "/data", nil)
			require.ErrorContains(t, err, "is not a directory of this user alone")
		})
	}
}

func TestTempDirOutOfReach(t *testing.T) {
	private := filepath.Join(t.TempDir(), "private")
	require.NoError(t, os.Mkdir(private, 0o700))
	t.Setenv("TMPDIR", private)
	_, err := makeDir(t.Context(), "/proc/self/nowhere", &account{name: "someone", uid: 7, gid: 8})
	require.ErrorContains(t, err, "make the directory")
	_, err = makeDir(t.Context(), filepath.Join(private, "data"), &account{name: "someone", uid: 7, gid: 8})
	require.ErrorContains(t, err, "can reach neither")
	t.Setenv("TMPDIR", filepath.Join(private, "missing"))
	_, err = makeTempDir(t.Context(), "/data", nil)
	require.ErrorContains(t, err, "make the directory")
}

func TestMakeDirForThisUser(t *testing.T) {
	t.Parallel()
	dir, err := makeDir(t.Context(), filepath.Join(t.TempDir(), "a", "b"), nil)
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Error(t, allowEntry(filepath.Join(dir, "missing")))
}

func TestCacheWithoutAHome(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	dir, err := cacheDir(t.Context())
	if os.Geteuid() == 0 {
		require.ErrorContains(t, err, "can reach neither", "the directory of this test is private")
		return
	}
	require.NoError(t, err)
	assert.Equal(t, os.TempDir(), filepath.Dir(dir))
}
