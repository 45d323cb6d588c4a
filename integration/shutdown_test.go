package integration

import (
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// lockNotes holds a lock that every write of a note waits for, until release is called.
func lockNotes(t testing.TB, dsn string) (release func()) {
	t.Helper()
	tx, err := apptest.Superuser(t, dsn).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "lock table notes in share row exclusive mode")
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Rollback()) }
}

// awaitWaiting returns when so many statements of the service wait for a lock.
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

func TestRequestInFlightIsAnsweredAfterSIGTERM(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_SHUTDOWN_DELAY": "500ms"})
	ada := s.client.register()
	path := "/v1/notes/" + ada.note("before")
	release := lockNotes(t, s.dsn)
	answer := make(chan response, 1)
	go func() {
		res, err := ada.try(request{method: "PATCH", path: path, header: map[string]string{"If-Match": "*"}, body: `{"title":"after"}`})
		assert.NoError(t, err)
		answer <- res
	}()
	awaitWaiting(t, s.dsn, 1)

	s.signal(t, syscall.SIGTERM)
	s.await(t, "service_stopping")
	s.ready(t, false)
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status, "requests are served while load balancers learn of it")
	platformtest.Eventually(t, soon, func() error {
		if conn, err := net.Dial("tcp", ada.base[len("http://"):]); err == nil {
			_ = conn.Close()
			return errors.Sentinel("the listener is still open")
		}
		return nil
	})
	select {
	case <-s.exited:
		t.Fatal("the service has ended with a request in flight")
	case <-time.After(later):
	}
	release()

	res := <-answer
	assert.Equal(t, http.StatusOK, res.status, string(res.body))
	assert.Equal(t, "after", res.text("title"))
	assert.Zero(t, s.exit(t))
	assert.Equal(t, []string{"http_request", "service_stopped"}, s.order("PATCH", "service_stopped"), "first the request, then the database")
	var title string
	require.NoError(t, apptest.Superuser(t, s.dsn).QueryRowContext(t.Context(), "select title from notes").Scan(&title))
	assert.Equal(t, "after", title, "what was answered is in the database")
}

func TestDrainHasALimit(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_SHUTDOWN_TIMEOUT": "300ms"})
	ada := s.client.register()
	release := lockNotes(t, s.dsn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = ada.try(request{method: "POST", path: "/v1/notes", body: `{"title":"too slow"}`})
	}()
	awaitWaiting(t, s.dsn, 1)
	begin := time.Now()
	s.signal(t, syscall.SIGTERM)
	assert.Equal(t, 1, s.exit(t), "requests were cut off, and the exit code says so")
	assert.Less(t, time.Since(begin), soon)
	<-done
	release()
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s := start(t, env{"HTTP_SHUTDOWN_DELAY": "60s"})
		s.signal(t, sig)
		s.await(t, "service_stopping")
		s.signal(t, sig)
		assert.Equal(t, 1, s.exit(t), sig)
	}
}

func TestPortInUseIsAClearError(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	addr := s.client.base[len("http://"):]
	second := launch(t, t.TempDir(), env{"HTTP_ADDR": addr}.list(s.dsn))
	assert.Equal(t, 1, second.exit(t))
	assert.Contains(t, second.stderr.String(), addr)
	assert.Contains(t, second.stderr.String(), "HTTP_ADDR")
	assert.Empty(t, second.events("service_started"), "what is not bound has not started")
	assert.Empty(t, second.events("pool_initializing"), "nor touched the database")
	assert.Len(t, second.events("service_failed"), 1)
}

func TestSIGTERMDuringTheWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	proxy := platformtest.NewProxy(t, "127.0.0.1:1")
	proxy.Cut()
	s := launch(t, t.TempDir(), env{}.list("postgres://u:p@"+proxy.Addr()+"/d?sslmode=disable"))
	s.await(t, "database_waiting")
	s.signal(t, syscall.SIGTERM)
	assert.Zero(t, s.exit(t), "it was told to stop")
	assert.Len(t, s.events("service_stopping"), 1)
	assert.Empty(t, s.events("service_started"))
}
