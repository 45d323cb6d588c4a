package integration

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// withoutConfiguration is what the service gets from go run ./cmd/api, but for ports of its own.
var withoutConfiguration = env{"APP_ENVIRONMENT": "", "LOG_LEVEL": ""}

// launchEmbedded starts the service without a database in dir.
func launchEmbedded(t testing.TB, dir string) *service {
	t.Helper()
	s := launch(t, dir, withoutConfiguration.list(""))
	s.client = client{t: t, base: "http://" + s.await(t, "service_started")["addr"].(string)}
	return s
}

// postmaster returns the process id of the PostgreSQL that keeps its data below dir.
func postmaster(t testing.TB, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ".data", "postgres", "cluster", "data", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	return pid
}

// alive reports whether the process runs. One that has ended may still be there, as a zombie, until its parent looks.
func alive(pid int) bool {
	if stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat")); err == nil {
		_, state, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(state, "Z")
	}
	return syscall.Kill(pid, 0) == nil
}

// scratch is a directory that an unprivileged database process can reach, also when the tests run as root.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "integration-embedded-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func TestWithoutConfiguration(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	s := launchEmbedded(t, dir)
	server := postmaster(t, dir)
	ada := s.client.register()
	ada.note("kept")
	role := s.await(t, "pool_initialized")["role"]
	assert.Equal(t, "app_role", role, "row security holds in development too")
	s.stop(t)
	assert.False(t, alive(server), "the database has stopped with the service")

	begin := time.Now()
	s = launchEmbedded(t, dir)
	t.Logf("warm start to service_started: %s", time.Since(begin))
	ada.base = s.client.base
	assert.Equal(t, []string{"kept"}, ada.titles(""), "data and tokens outlive a restart")
	s.stop(t)
}

func TestKilledServiceLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	s := launchEmbedded(t, dir)
	server := postmaster(t, dir)
	ada := s.client.register()
	ada.note("committed")
	s.signal(t, syscall.SIGKILL)
	s.exit(t)

	s = launchEmbedded(t, dir) // at once, while the old database may still be going down
	assert.NotEqual(t, server, postmaster(t, dir))
	assert.False(t, alive(server), "no orphan")
	ada.base = s.client.base
	assert.Equal(t, []string{"committed"}, ada.titles(""))
	assert.Equal(t, http.StatusOK, s.client.get("/readyz").status)
	s.stop(t)
}

func TestSecondServiceInTheSameDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	first := launchEmbedded(t, dir)
	second := launch(t, dir, withoutConfiguration.list(""))
	assert.Equal(t, 1, second.exit(t))
	assert.Contains(t, second.stderr.String(), embedded.ErrInUse.Error())
	assert.Equal(t, http.StatusOK, first.client.get("/readyz").status)
	first.stop(t)
}

func TestDatabaseThatDoesNotExistEndsTheStart(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(platformtest.Database(t, platformtest.Template{Name: "empty"}))
	require.NoError(t, err)
	u.Path = "/no_such_database"
	s := launch(t, t.TempDir(), env{}.list(u.String()))
	assert.Equal(t, 1, s.exit(t))
	assert.Contains(t, s.stderr.String(), "no_such_database")
	assert.Len(t, s.events("pool_initialization_failed"), 1)
	assert.Len(t, s.events("service_failed"), 1)
}
