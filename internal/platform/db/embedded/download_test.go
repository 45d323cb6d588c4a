package embedded_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

// archive returns an archive of a repository: a zip file with a compressed tar file. Its programs call those of the machine.
func archive(t *testing.T) []byte {
	t.Helper()
	found, err := embedded.Available(t.Context())
	require.NoError(t, err)
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "./share/", Typeflag: tar.TypeDir, Mode: 0o755}))
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "lib/link", Typeflag: tar.TypeSymlink, Linkname: "../bin/postgres"}))
	for _, program := range []string{"postgres", "initdb", "pg_ctl"} {
		script := "#!/bin/sh\nexec " + filepath.Join(found.Dir, program) + " \"$@\"\n"
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "bin/" + program, Mode: 0o755, Size: int64(len(script))}))
		_, err := w.Write([]byte(script))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	xz := exec.CommandContext(t.Context(), "xz", "--check=crc32")
	xz.Stdin = &plain
	packed, err := xz.Output()
	require.NoError(t, err)
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	entry, err := z.Create("postgres-linux-x86_64.txz")
	require.NoError(t, err)
	_, err = entry.Write(packed)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return jar.Bytes()
}

// repository serves the archive, whatever the version, and counts how often.
func repository(t *testing.T, jar []byte, checksum string) (url string, served *atomic.Int64) {
	t.Helper()
	served = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, ".sha256"):
			served.Add(1)
			_, _ = w.Write(jar)
		case checksum != "":
			_, _ = w.Write([]byte(checksum))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, served
}

func TestDownloadedServer(t *testing.T) {
	t.Parallel()
	jar := archive(t)
	sum := sha256.Sum256(jar)
	url, served := repository(t, jar, hex.EncodeToString(sum[:]))
	dir := publicDir(t)

	// Something that does not start is replaced.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "postgresql-17.5.0", "bin"), 0o755))
	b, err := embedded.DownloadTo(t.Context(), dir, url)
	require.NoError(t, err)
	assert.DirExists(t, b.Dir)
	again, err := embedded.DownloadTo(t.Context(), dir, url)
	require.NoError(t, err)
	assert.Equal(t, b, again)
	assert.EqualValues(t, 1, served.Load(), "the second comes from the cache")

	left, err := fs.Glob(os.DirFS(dir), "unpack-*")
	require.NoError(t, err)
	assert.Empty(t, left)

	with := scratch(publicDir(t))
	with.Binaries = func(context.Context) (embedded.Binaries, error) { return b, nil }
	s := start(t, with)
	assert.Equal(t, b.String(), s.Source())
}

// No download removes what another has just made.
func TestConcurrentDownloads(t *testing.T) {
	t.Parallel()
	url, _ := repository(t, archive(t), "")
	for range 5 {
		dir := publicDir(t)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				b, err := embedded.DownloadTo(t.Context(), dir, url)
				assert.NoError(t, err)
				_, err = embedded.Inspect(t.Context(), b.Dir)
				assert.NoError(t, err)
			})
		}
		group.Wait()
	}
}

func TestDownloadFails(t *testing.T) {
	t.Parallel()
	refusing, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refusing.Close())
	missing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(missing.Close)
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("half"))
	}))
	t.Cleanup(cut.Close)
	wrong, _ := repository(t, archive(t), "0000")
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(broken.Close)
	rubbish, _ := repository(t, []byte("rubbish"), "")
	tests := map[string]struct{ repository, want string }{
		"no network":      {"http://" + refusing.Addr().String(), "connection refused"},
		"no such version": {missing.URL, "404 Not Found"},
		"cut off":         {cut.URL, "unexpected EOF"},
		"wrong checksum":  {wrong, "does not match its SHA-256 checksum"},
		"no checksum":     {broken.URL, "500 Internal Server Error"},
		"not an archive":  {rubbish, "zip"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := publicDir(t)
			_, err := embedded.DownloadTo(t.Context(), dir, test.repository)
			require.ErrorContains(t, err, test.want)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	begin := time.Now()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := embedded.DownloadTo(short, publicDir(t), silent.URL)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = embedded.DownloadTo(ctx, publicDir(t), silent.URL)
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(begin), 10*time.Second)
}
