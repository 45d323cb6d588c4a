package integration

import (
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestRequestInFlightIsAnsweredAfterSIGTERM(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_SHUTDOWN_DELAY": "500ms"})
	ada := s.client.register()
	path := ada.create("before")
	release := lockResources(t, s.dsn)
	answer := make(chan response, 1)
	go func() {
		res, err := ada.try(request{method: "DELETE", path: path})
		assert.NoError(t, err)
		answer <- res
	}()
	awaitWaiting(t, s.dsn, 1)

	s.signal(t, syscall.SIGTERM)
	s.await(t, "service_stopping")
	s.ready(t, false)
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status, "requests must be served during the shutdown delay")
	platformtest.Eventually(t, soon, func() error {
		if conn, err := net.Dial("tcp", ada.base[len("http://"):]); err == nil {
			_ = conn.Close()
			return errors.Sentinel("the listener is still open")
		}
		return nil
	})
	select {
	case <-s.exited:
		t.Fatal("the service exited with a request in flight")
	case <-time.After(later):
	}
	release()

	res := <-answer
	assert.Equal(t, http.StatusNoContent, res.status, string(res.body))
	assert.Zero(t, s.exit(t))
	assert.Equal(t, []string{"http_request", "service_stopped"}, s.order("DELETE", "service_stopped"), "the request must finish first")
	var deleted bool
	require.NoError(t, apptest.Superuser(t, s.dsn).QueryRowContext(t.Context(),
		"select revoked_at is not null from "+resourceTable).Scan(&deleted))
	assert.True(t, deleted, "the change must be in the database")
}

func TestShutdownTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_SHUTDOWN_TIMEOUT": "300ms"})
	ada := s.client.register()
	release := lockResources(t, s.dsn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = ada.try(request{method: "POST", path: resources, body: newResource("too slow")})
	}()
	awaitWaiting(t, s.dsn, 1)
	begin := time.Now()
	s.signal(t, syscall.SIGTERM)
	assert.Equal(t, 1, s.exit(t), "exit code after a request was canceled")
	assert.Less(t, time.Since(begin), soon)
	<-done
	release()
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s := start(t, env{"HTTP_SHUTDOWN_DELAY": "60s"})
		s.signal(t, sig)
		s.await(t, "service_stopping")
		s.signal(t, sig)
		assert.Equal(t, 1, s.exit(t), sig)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	addr := s.client.base[len("http://"):]
	second := launch(t, t.TempDir(), env{"HTTP_ADDR": addr}.list(s.dsn))
	assert.Equal(t, 1, second.exit(t))
	assert.Contains(t, second.stderr.String(), addr)
	assert.Contains(t, second.stderr.String(), "HTTP_ADDR")
	assert.Empty(t, second.events("service_started"), "a service without its address must not start")
	assert.Empty(t, second.events("pool_initializing"), "or open the database")
	assert.Len(t, second.events("service_failed"), 1)
}

// A liveness probe must not restart a service that waits for its database, and Ctrl-C then is no
// error.
func TestStartWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	proxy := platformtest.NewProxy(t, "127.0.0.1:1")
	proxy.Cut()
	dsn := "postgres://u:canary@" + proxy.Addr() + "/d?sslmode=disable"
	s := launch(t, t.TempDir(), env{}.list(dsn))
	s.client = client{t: t, base: "http://" + s.await(t, "service_starting")["addr"].(string)}
	assert.Equal(t, http.StatusOK, s.client.get("/healthz").status)
	ready := s.client.get("/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, ready.status)
	assert.Equal(t, "unready", ready.text("status"))
	s.client.get("/v1/me").problem(errors.CodeServiceUnavailable)
	s.client.get("/").problem(errors.CodeServiceUnavailable)
	waiting := s.await(t, "database_waiting")
	assert.Equal(t, "waiting up to 60 s for postgres://u@"+proxy.Addr()+"/d", waiting["message"])
	assert.NotEmpty(t, waiting["error"], "why")
	s.signal(t, syscall.SIGINT)
	assert.Zero(t, s.exit(t), "exit code after SIGINT")
	assert.Len(t, s.events("service_stopping"), 1)
	assert.Len(t, s.events("service_stopped"), 1)
	assert.Empty(t, s.events("service_started"))
	assert.Empty(t, s.stderr.String())
	assert.Empty(t, s.events("pool_initialization_failed"))
	assert.Empty(t, s.events("service_failed"))

	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, silent.Close()) }()
	m := launch(t, t.TempDir(), env{}.list("postgres://u:canary@"+silent.Addr().String()+"/d?sslmode=disable"), "migrate", "up")
	attempt, err := silent.Accept()
	require.NoError(t, err)
	require.NoError(t, attempt.Close())
	m.signal(t, syscall.SIGINT)
	assert.Equal(t, 1, m.exit(t), "the schema is not migrated")
	assert.True(t, strings.HasSuffix(m.stderr.String(), "\napi: stopped: interrupt signal received\n"), m.stderr.String())
	assert.NotContains(t, m.stderr.String(), `"level":"error"`)
}

// A request during the shutdown delay is served as any other, and the use of its key is saved.
func TestRequestDuringShutdownDelay(t *testing.T) {
	t.Parallel()
	s := start(t, env{"HTTP_SHUTDOWN_DELAY": "2s"})
	ada := s.client.register()
	_, key := ada.key("users:read")
	s.signal(t, syscall.SIGTERM)
	s.await(t, "service_stopping")
	require.Equal(t, http.StatusOK, ada.withKey(key, "GET", "/v1/users", nil).status)
	assert.Zero(t, s.exit(t))
	assert.Equal(t, []string{"true"}, names(t, s.dsn, "select last_used_at is not null from api_keys"))
}
