package integration

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestExhaustedPoolAnswersInTime(t *testing.T) {
	t.Parallel()
	s := start(t, env{"DB_POOL_SIZE": "1", "DB_MAX_OVERFLOW": "1", "DB_POOL_TIMEOUT": "1s"})
	ada := s.client.register()
	release := lockNotes(t, s.dsn)
	done := make(chan response, 2)
	for range cap(done) {
		go func() {
			res, err := ada.try(request{method: "POST", path: "/v1/notes", body: `{"title":"waits"}`})
			assert.NoError(t, err)
			done <- res
		}()
	}
	awaitWaiting(t, s.dsn, 2)
	begin := time.Now()
	ada.get("/v1/notes").problem(errors.CodeServiceUnavailable)
	assert.Less(t, time.Since(begin), 5*time.Second)
	assert.Equal(t, http.StatusOK, s.client.get("/readyz").status, "full is not broken")
	release()
	for range cap(done) {
		assert.Equal(t, http.StatusCreated, (<-done).status)
	}
	assert.Equal(t, http.StatusOK, ada.get("/v1/notes").status)
}

func TestRequestTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_REQUEST_TIMEOUT": "3s"})
	ada := s.client.register()
	release := lockNotes(t, s.dsn)
	defer release()
	res := ada.post("/v1/notes", map[string]any{"title": "too slow"})
	res.problem(errors.CodeGatewayTimeout)
	raised := s.awaitThat(t, "exception_raised", func(line map[string]any) bool { return line["error_code"] == "GATEWAY_TIMEOUT" })
	assert.NotEmpty(t, raised["stack"])
}

func TestRowSecurityHoldsWhenTheSQLForgetsTheTenant(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada, bob := s.client.register(), s.client.register()
	ada.note("ada's")
	bob.note("bob's")
	// The statements of the service name no tenant at all. This is what its role sees without one, and with one.
	tx, err := apptest.Superuser(t, s.dsn).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	titles := func() (n int) {
		require.NoError(t, tx.QueryRowContext(t.Context(), "select count(*) from notes").Scan(&n))
		return n
	}
	assert.Equal(t, 2, titles(), "the superuser sees everything, so the test would prove nothing with it")
	_, err = tx.ExecContext(t.Context(), "set local role app_role")
	require.NoError(t, err)
	assert.Zero(t, titles())
	_, err = tx.ExecContext(t.Context(), "select set_config('app.tenant_id', $1, true)", ada.tenantID)
	require.NoError(t, err)
	assert.Equal(t, 1, titles())
	changed, err := tx.ExecContext(t.Context(), "update notes set title = 'changed'")
	require.NoError(t, err)
	n, err := changed.RowsAffected()
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
}

// load makes requests until it is stopped, and keeps what was answered.
type load struct {
	mu       sync.Mutex
	statuses map[int]int
	last     int // status of the last answer
	ended    chan struct{}
	end      func()
	done     sync.WaitGroup
}

// stop ends the load and returns when the last request has been answered.
func (l *load) stop() {
	l.end()
	l.done.Wait()
}

func startLoad(t testing.TB, c client) *load {
	t.Helper()
	l := &load{statuses: map[int]int{}, ended: make(chan struct{})}
	l.end = sync.OnceFunc(func() { close(l.ended) })
	t.Cleanup(l.stop)
	for range 8 {
		l.done.Go(func() {
			for {
				select {
				case <-l.ended:
					return
				default:
				}
				for _, r := range []request{{method: "POST", path: "/v1/notes", body: `{"title":"under load"}`}, {method: "GET", path: "/v1/notes?limit=1"}} {
					res, err := c.try(r)
					if !assert.NoError(t, err, "every request is answered") {
						return
					}
					if res.status == http.StatusServiceUnavailable {
						assert.NotEmpty(t, res.header.Get("Retry-After"))
					}
					l.mu.Lock()
					l.statuses[res.status]++
					l.last = res.status
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

func (l *load) await(t testing.TB, timeout time.Duration, status int) {
	t.Helper()
	platformtest.Eventually(t, timeout, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.last != status {
			return fmt.Errorf("the last answer was %d", l.last)
		}
		return nil
	})
}

// Not in parallel: it measures how long the service takes, not how busy the machine is.
func TestDatabaseKilledUnderLoad(t *testing.T) {
	server := platformtest.NewPrivateServer(t)
	s := startOn(t, server.DSN(), env{"LOG_LEVEL": "info"})
	ada := s.client.register()
	l := startLoad(t, ada)
	l.await(t, soon, http.StatusOK)

	server.Kill(t)
	l.await(t, soon, http.StatusServiceUnavailable)
	s.ready(t, false)
	assert.Equal(t, http.StatusOK, s.client.get("/healthz").status, "a restart of the service would not help")

	server.Start(t)
	begin := time.Now()
	platformtest.Eventually(t, soon, func() error {
		if status := ada.get("/v1/notes").status; status != http.StatusOK {
			return fmt.Errorf("answers %d", status)
		}
		return nil
	})
	assert.Less(t, time.Since(begin), 2*time.Second, "back within two seconds")
	s.ready(t, true)
	l.await(t, soon, http.StatusOK)
	l.stop()

	for status := range l.statuses {
		assert.Contains(t, []int{http.StatusOK, http.StatusCreated, http.StatusServiceUnavailable}, status, "%v", l.statuses)
	}
	var kept int
	require.NoError(t, apptest.Superuser(t, server.DSN()).QueryRowContext(t.Context(), "select count(*) from notes").Scan(&kept))
	assert.GreaterOrEqual(t, kept, l.statuses[http.StatusCreated], "nothing that was acknowledged is lost")
	assert.Len(t, s.events("service_started"), 1, "the service has not restarted")
	t.Logf("%v", l.statuses)
}
