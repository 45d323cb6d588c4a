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

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// awaitWaiting waits until n statements of the service wait for a lock.
func awaitWaiting(t testing.TB, dsn string, n int) {
	t.Helper()
	pool := apptest.Superuser(t, dsn)
	platformtest.Eventually(t, soon, func() error {
		var waiting int
		err := pool.QueryRowContext(t.Context(), `
			select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waiting)
		if err == nil && waiting < n {
			err = errors.Sentinel("too few statements wait for the lock")
		}
		return err
	})
}

func TestExhaustedPoolAnswersInTime(t *testing.T) {
	t.Parallel()
	s := start(t, env{"DB_POOL_SIZE": "1", "DB_MAX_OVERFLOW": "1", "DB_POOL_TIMEOUT": "1s"})
	ada := s.client.register()
	release := lockResources(t, s.dsn)
	done := make(chan response, 2)
	for range cap(done) {
		go func() {
			res, err := ada.try(request{method: "POST", path: resources, body: newResource("waits")})
			assert.NoError(t, err)
			done <- res
		}()
	}
	awaitWaiting(t, s.dsn, 2)
	begin := time.Now()
	ada.get(resources).problem(errors.CodeServiceUnavailable)
	assert.Less(t, time.Since(begin), 5*time.Second)
	full := s.client.get("/readyz")
	assert.Equal(t, http.StatusOK, full.status, "a full pool must not make the service unready")
	assert.Equal(t, "degraded", full.text("checks.database.status"))
	assert.InDelta(t, 1, full.value("checks.database.utilization"), 0)
	release()
	for range cap(done) {
		assert.Equal(t, http.StatusCreated, (<-done).status)
	}
	assert.Equal(t, http.StatusOK, ada.get(resources).status)
}

func TestRequestTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_REQUEST_TIMEOUT": "3s"})
	ada := s.client.register()
	release := lockResources(t, s.dsn)
	defer release()
	res := ada.post(resources, newResource("too slow"))
	res.problem(errors.CodeGatewayTimeout)
	raised := s.awaitThat(t, "exception_raised", func(line map[string]any) bool { return line["error_code"] == "GATEWAY_TIMEOUT" })
	assert.NotEmpty(t, raised["stack"])
}

func TestRowSecurityWithoutTenantInSQL(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada, bob := s.client.register(), s.client.register()
	ada.create("ada's")
	bob.create("bob's")
	// The statements below do not mention the tenant.
	tx, err := apptest.Superuser(t, s.dsn).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	rows := func() (n int) {
		require.NoError(t, tx.QueryRowContext(t.Context(), "select count(*) from "+resourceTable).Scan(&n))
		return n
	}
	assert.Equal(t, 2, rows(), "the superuser bypasses row security")
	_, err = tx.ExecContext(t.Context(), "set local role app_role")
	require.NoError(t, err)
	assert.Zero(t, rows())
	_, err = tx.ExecContext(t.Context(), "select set_config('app.tenant_id', $1, true)", ada.tenantID)
	require.NoError(t, err)
	assert.Equal(t, 1, rows())
	changed, err := tx.ExecContext(t.Context(), "update "+resourceTable+" set created_at = now()")
	require.NoError(t, err)
	n, err := changed.RowsAffected()
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}

// withoutConfiguration is the environment of a plain `go run ./cmd/api`, except for the ports.
var withoutConfiguration = env{"APP_ENVIRONMENT": "", "LOG_LEVEL": ""}

// launchEmbedded starts the service with an embedded database in dir.
func launchEmbedded(t testing.TB, dir string) *service {
	t.Helper()
	s := launch(t, dir, withoutConfiguration.list(""))
	s.client = client{t: t, base: "http://" + s.await(t, "service_started")["addr"].(string)}
	return s
}

// postmaster returns the process id of the embedded PostgreSQL in dir.
func postmaster(t testing.TB, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ".data", "postgres", "cluster", "data", "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	return pid
}

// alive reports whether a process is running. A zombie is not.
func alive(pid int) bool {
	if stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat")); err == nil {
		_, state, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(state, "Z")
	}
	return syscall.Kill(pid, 0) == nil
}

// scratch returns a directory that an unprivileged database process can access when the tests run
// as root.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "integration-embedded-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func TestDefaultConfigurationStartsEmbeddedDatabase(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	s := launchEmbedded(t, dir)
	server := postmaster(t, dir)
	ada := s.client.register()
	ada.create("kept")
	role := s.await(t, "pool_initialized")["role"]
	assert.Equal(t, "app_role", role, "row security must apply in development, too")
	s.stop(t)
	assert.False(t, alive(server), "the database must stop with the service")

	begin := time.Now()
	s = launchEmbedded(t, dir)
	t.Logf("warm start to service_started: %s", time.Since(begin))
	ada.base = s.client.base
	assert.Equal(t, []string{"kept"}, ada.names(), "data and tokens must survive a restart")
	s.stop(t)
}

func TestKilledServiceLeavesNoOrphanDatabase(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	s := launchEmbedded(t, dir)
	server := postmaster(t, dir)
	ada := s.client.register()
	ada.create("committed")
	s.signal(t, syscall.SIGKILL)
	s.exit(t)

	s = launchEmbedded(t, dir) // the old database may still be shutting down
	assert.NotEqual(t, server, postmaster(t, dir))
	assert.False(t, alive(server), "the old database must have stopped")
	ada.base = s.client.base
	assert.Equal(t, []string{"committed"}, ada.names())
	assert.Equal(t, http.StatusOK, s.client.get("/readyz").status)
	s.stop(t)
}

func TestSecondServiceInSameDirectoryFails(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	first := launchEmbedded(t, dir)
	second := launch(t, dir, withoutConfiguration.list(""))
	assert.Equal(t, 1, second.exit(t))
	assert.Contains(t, second.stderr.String(), embedded.ErrInUse.Error())
	assert.Equal(t, http.StatusOK, first.client.get("/readyz").status)
	first.stop(t)
}

func TestMissingDatabaseFailsStart(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(platformtest.Database(t, platformtest.Template{Name: "empty"}))
	require.NoError(t, err)
	u.Path = "/no_such_database"
	s := launch(t, t.TempDir(), env{}.list(u.String()))
	assert.Equal(t, 1, s.exit(t))
	assert.Contains(t, s.await(t, "pool_initialization_failed")["error"], "no_such_database")
	assert.Equal(t, 1, strings.Count(s.dump()+s.stderr.String(), "postgres 3D000"), "one error")
}
