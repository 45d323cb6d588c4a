//go:build unix

package db_test

import (
	"context"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

// startServer starts a server on the data in dir.
func startServer(t testing.TB, dir string, settings map[string]string) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Options{
		Dir: dir, Binaries: embedded.Find, Settings: settings, Scratch: true, Log: quiet(t),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	return server
}

// startStandby starts a hot standby of a primary that [startServer] has started.
func startStandby(t testing.TB, primary *embedded.Server) *embedded.Server {
	t.Helper()
	u, err := url.Parse(primary.DSN("postgres"))
	require.NoError(t, err)
	binaries, err := embedded.Find(t.Context())
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "standby-") // the server's user passes it, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cluster := filepath.Join(dir, "cluster")
	require.NoError(t, os.MkdirAll(cluster, 0o700))
	password, _ := u.User.Password()
	require.NoError(t, os.WriteFile(filepath.Join(cluster, "password"), []byte(password), 0o600))

	backup := exec.CommandContext(t.Context(), filepath.Join(binaries.Dir, "pg_basebackup"), "--write-recovery-conf",
		"--checkpoint=fast", "--no-sync", "-h", u.Hostname(), "-p", u.Port(), "-U", u.User.Username(), "-D", filepath.Join(cluster, "data"))
	backup.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, err := backup.CombinedOutput()
	require.NoError(t, err, "%s", out)
	if os.Geteuid() == 0 { // the server does not run as root
		info, err := os.Stat(serverFiles(t, primary))
		require.NoError(t, err)
		owner := info.Sys().(*syscall.Stat_t)
		require.NoError(t, filepath.WalkDir(cluster, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, int(owner.Uid), int(owner.Gid))
		}))
	}
	return startServer(t, dir, nil)
}

// serverFiles returns the data directory of a server.
func serverFiles(t testing.TB, server *embedded.Server) string {
	t.Helper()
	var dir string
	require.NoError(t, superuser(t, server.DSN("postgres")).QueryRowContext(t.Context(), "show data_directory").Scan(&dir))
	return dir
}
