package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// blockingRoute responds when it is released, or fails when its ctx ends.
type blockingRoute struct {
	started chan struct{}
	release chan struct{}
	cause   chan error // why its ctx ended
}

func newBlockingRoute() *blockingRoute {
	return &blockingRoute{started: make(chan struct{}, 10), release: make(chan struct{}), cause: make(chan error, 10)}
}

func (s *blockingRoute) handle(c echo.Context) error {
	s.started <- struct{}{}
	ctx := c.Request().Context()
	select {
	case <-s.release:
		return c.String(http.StatusOK, "done")
	case <-ctx.Done():
		s.cause <- context.Cause(ctx)
		return ctx.Err()
	}
}

var errSignal = errors.Sentinel("received SIGTERM")

func TestRunLogsStartAndStop(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), nil)
	started := r.logs.await(t, "service_started")
	require.Len(t, started, 1)
	assert.Equal(t, r.Addr().String(), started[0]["addr"])
	assert.Equal(t, "v1.2.3", started[0]["version"])

	r.stop(errSignal)
	require.NoError(t, <-r.done)
	stopping := r.logs.events(t, "service_stopping")
	require.Len(t, stopping, 1)
	assert.Equal(t, "received SIGTERM", stopping[0]["reason"])
	assert.Error(t, r.get(t, "/readyz").err, "the listener is closed")
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	log, logs := newLog(t)
	taken := start(t, settings(t), nil).Addr().String()
	for name, change := range map[string]func(*server.Config){
		"HTTP_ADDR " + taken:  func(c *server.Config) { c.Addr = taken },
		"ADMIN_ADDR " + taken: func(c *server.Config) { c.AdminAddr = taken },
	} {
		cfg := settings(t)
		change(&cfg)
		s := server.New(cfg, http.NotFoundHandler(), server.Options{Log: log})
		err := s.Listen(t.Context())
		require.Error(t, err)
		assert.Contains(t, err.Error(), name)
		assert.Contains(t, err.Error(), "address already in use")
		assert.Nil(t, s.Addr(), "the first listener is closed again")
	}
	assert.Empty(t, logs.events(t, "service_started"))
}

func TestCloseReleasesTheAddresses(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.AdminAddr = "127.0.0.1:0"
	log, logs := newLog(t)
	s := server.New(cfg, http.NotFoundHandler(), server.Options{Log: log})
	require.NoError(t, s.Listen(t.Context()))
	addr := s.Addr().String()
	assert.Equal(t, addr, logs.events(t, "service_starting")[0]["addr"])
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(httptest.NewRequestWithContext(t.Context(), "GET", "http://"+addr, nil))
	require.NoError(t, err, "requests are served before Run")
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusNotFound, answer.StatusCode)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.Empty(t, logs.events(t, "service_started"))
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestShutdownCompletesRequestsInFlight(t *testing.T) {
	t.Parallel()
	route := newBlockingRoute()
	r := start(t, settings(t), func(e *echo.Echo) { e.GET("/slow", route.handle) })
	got := make(chan answer, 1)
	go func() { got <- r.get(t, "/slow") }()
	<-route.started

	r.stop(errSignal)
	r.logs.await(t, "service_stopping")
	require.Eventually(t, func() bool { return dialFails(r.Addr()) }, 5*time.Second, time.Millisecond, "no new connections")
	select {
	case err := <-r.done:
		t.Fatalf("Run did not wait for the request: %v", err)
	default:
	}
	close(route.release)
	a := <-got
	require.NoError(t, a.err)
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, "done", a.body)
	require.NoError(t, <-r.done)
}

func dialFails(addr net.Addr) bool {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr.String())
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

func TestReadinessFailsBeforeTheDrain(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ShutdownDelay = 500 * time.Millisecond
	r := start(t, cfg, func(e *echo.Echo) {
		e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "served") })
	})
	assert.Equal(t, http.StatusOK, r.get(t, "/readyz").status)

	r.stop(errSignal)
	require.Eventually(t, func() bool { return r.get(t, "/readyz").status == http.StatusServiceUnavailable }, time.Second, time.Millisecond)
	a := r.get(t, "/")
	require.NoError(t, a.err, "requests are served during the delay")
	assert.Equal(t, "served", a.body)
	assert.True(t, a.closed, "clients are asked to close the connection")
	require.NoError(t, <-r.done)
}

func TestShutdownTimeoutCutsOffRequests(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ShutdownTimeout = 50 * time.Millisecond
	route := newBlockingRoute()
	r := start(t, cfg, func(e *echo.Echo) { e.GET("/slow", route.handle) })
	got := make(chan answer, 2)
	for range 2 {
		go func() { got <- r.get(t, "/slow") }()
		<-route.started
	}
	r.stop(errSignal)
	err := <-r.done
	require.Error(t, err)
	assert.Contains(t, err.Error(), "2 requests were cut off after HTTP_SHUTDOWN_TIMEOUT 50ms")
	for range 2 {
		assert.Contains(t, (<-route.cause).Error(), "shutting down")
		a := <-got
		assert.Equal(t, "SERVICE_UNAVAILABLE", a.json(t)["code"])
		assert.NotEmpty(t, a.header.Get("Retry-After"))
	}
}

func TestShutdownDoesNotWaitForStuckHandlers(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ShutdownTimeout = time.Millisecond
	route := newBlockingRoute()
	r := start(t, cfg, func(e *echo.Echo) {
		e.GET("/deaf", func(echo.Context) error {
			route.started <- struct{}{}
			<-route.release
			return nil
		})
	})
	got := make(chan answer, 1)
	go func() { got <- r.get(t, "/deaf") }()
	<-route.started
	r.stop(errSignal)
	assert.ErrorContains(t, <-r.done, "1 requests were cut off")
	assert.Error(t, (<-got).err)
	close(route.release)
}

func TestShutdownClosesIdleConnections(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), nil)
	require.NoError(t, r.get(t, "/readyz").err) // keeps an idle connection
	began := time.Now()
	r.stop(errSignal)
	require.NoError(t, <-r.done)
	assert.Less(t, time.Since(began), 3*time.Second)
}

func TestAdminListener(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.AdminAddr = "127.0.0.1:0"
	r := start(t, cfg, nil)
	admin := *r
	admin.url = "http://" + r.AdminAddr().String()
	assert.Equal(t, "up 1\n", admin.get(t, "/metrics").body)
	assert.Contains(t, admin.get(t, "/debug/pprof/").body, "goroutine")
	assert.Equal(t, http.StatusOK, admin.get(t, "/debug/pprof/heap").status)
	assert.Equal(t, http.StatusNotFound, admin.get(t, "/readyz").status)
	assert.Equal(t, http.StatusNotFound, r.get(t, "/metrics").status, "not on the public listener")
	assert.Equal(t, http.StatusNotFound, r.get(t, "/debug/pprof/").status, "not on the public listener")
}

func TestAdminListenerClosesLast(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.AdminAddr = "127.0.0.1:0"
	route := newBlockingRoute()
	r := start(t, cfg, func(e *echo.Echo) { e.GET("/slow", route.handle) })
	got := make(chan answer, 1)
	go func() { got <- r.get(t, "/slow") }()
	<-route.started
	r.stop(errSignal)
	require.Eventually(t, func() bool { return dialFails(r.Addr()) }, 5*time.Second, time.Millisecond)
	admin := *r
	admin.url = "http://" + r.AdminAddr().String()
	assert.Equal(t, http.StatusOK, admin.get(t, "/metrics").status, "metrics are served during the drain")
	close(route.release)
	require.NoError(t, (<-got).err)
	require.NoError(t, <-r.done)
	assert.True(t, dialFails(r.AdminAddr()))
}

func TestNoAdminListener(t *testing.T) {
	t.Parallel()
	assert.Nil(t, start(t, settings(t), nil).AdminAddr())
}

func TestRunReturnsListenerErrors(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), nil)
	r.logs.await(t, "service_started")
	require.NoError(t, r.BreakListener())
	err := <-r.done
	require.ErrorIs(t, err, net.ErrClosed)
	assert.Contains(t, r.logs.events(t, "service_stopping")[0]["reason"], "serve on ")
}

// A client that stops sending, or sends no further request, does not hold a connection of either
// listener.
func TestIdleClientsAreDisconnected(t *testing.T) {
	t.Parallel()
	timeouts := map[string]struct {
		set  func(*server.Config)
		sent string
	}{
		"header": {func(c *server.Config) { c.ReadHeaderTimeout = 50 * time.Millisecond }, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "},
		"body": {func(c *server.Config) { c.ReadTimeout = 50 * time.Millisecond },
			"POST /debug/pprof/symbol HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0x"},
		"next request": {func(c *server.Config) { c.IdleTimeout = 50 * time.Millisecond }, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
	}
	for name, timeout := range timeouts {
		cfg := settings(t)
		cfg.AdminAddr = "127.0.0.1:0"
		timeout.set(&cfg)
		r := start(t, cfg, func(e *echo.Echo) {
			e.POST("/debug/pprof/symbol", func(c echo.Context) error { _, err := io.ReadAll(c.Request().Body); return err })
		})
		for listener, addr := range map[string]net.Addr{"public": r.Addr(), "admin": r.AdminAddr()} {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr.String())
			require.NoError(t, err)
			_, err = io.WriteString(conn, timeout.sent)
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
			_, err = io.Copy(io.Discard, conn)
			assert.NoError(t, err, "%s: the %s listener must close the connection first", name, listener)
			assert.NoError(t, conn.Close())
		}
	}
}

func TestServerErrorsAreLogged(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/twice", func(c echo.Context) error {
			w := c.Response().Writer
			w.WriteHeader(http.StatusOK)
			w.WriteHeader(http.StatusOK)
			return nil
		})
	})
	r.get(t, "/twice")
	line := r.logs.await(t, "http_server_error")[0]
	assert.Equal(t, "warning", line["level"])
	assert.Contains(t, line["message"], "superfluous")
}

// The test runs itself in another process, which exits at the second signal.
func TestSecondSignalExits(t *testing.T) {
	if os.Getenv("TEST_SIGNALS") != "" {
		ctx, stop := server.SignalContext(context.Background())
		defer stop()
		fmt.Println("ready")
		<-ctx.Done()
		fmt.Println(context.Cause(ctx))
		time.Sleep(time.Minute)
	}
	t.Parallel()
	for sent, reason := range map[syscall.Signal]string{
		syscall.SIGTERM: "terminated signal received", syscall.SIGINT: "interrupt signal received",
	} {
		process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		process.Env = append(os.Environ(), "TEST_SIGNALS=1")
		stdout, err := process.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, process.Start())
		lines := bufio.NewScanner(stdout)
		for _, want := range []string{"ready", reason} {
			require.True(t, lines.Scan(), lines.Err())
			assert.Equal(t, want, lines.Text())
			require.NoError(t, process.Process.Signal(sent))
		}
		exit, ok := errors.AsType[*exec.ExitError](process.Wait())
		require.True(t, ok)
		assert.Equal(t, 1, exit.ExitCode(), sent)
	}
}

//nolint:paralleltest // signals go to the whole process
func TestSignalContextStops(t *testing.T) {
	ctx, stop := server.SignalContext(t.Context())
	require.NoError(t, ctx.Err())
	stop()
	stop() // a second call does nothing
	require.ErrorIs(t, context.Cause(ctx), context.Canceled)

	parent, cancel := context.WithCancel(t.Context())
	ctx, stop = server.SignalContext(parent)
	defer stop()
	cancel()
	<-ctx.Done()
}
