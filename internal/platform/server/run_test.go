package server_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// slow is a route that says when it has begun, and ends when it is let go or its ctx ends.
type slow struct {
	begun chan struct{}
	letGo chan struct{}
	cause chan error // why its ctx ended
}

func newSlow() *slow {
	return &slow{begun: make(chan struct{}, 10), letGo: make(chan struct{}), cause: make(chan error, 10)}
}

func (s *slow) handle(c echo.Context) error {
	s.begun <- struct{}{}
	ctx := c.Request().Context()
	select {
	case <-s.letGo:
		return c.String(http.StatusOK, "done")
	case <-ctx.Done():
		s.cause <- context.Cause(ctx)
		return ctx.Err()
	}
}

var errSignal = errors.Sentinel("received SIGTERM")

func TestRunLogsItsLife(t *testing.T) {
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
	assert.Error(t, r.get(t, "/readyz").err, "nobody listens any more")
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
		err := s.Run(t.Context())
		require.Error(t, err)
		assert.Contains(t, err.Error(), name)
		assert.Contains(t, err.Error(), "address already in use")
		assert.Nil(t, s.Addr(), "what was bound is given back")
	}
	assert.Empty(t, logs.events(t, "service_started"))
}

func TestCloseGivesTheAddressesBack(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.AdminAddr = "127.0.0.1:0"
	s := server.New(cfg, http.NotFoundHandler(), server.Options{})
	require.NoError(t, s.Listen(t.Context()))
	addr := s.Addr().String()
	require.NoError(t, s.Close())
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestRequestInFlightIsAnsweredAfterTheSignal(t *testing.T) {
	t.Parallel()
	route := newSlow()
	r := start(t, settings(t), func(e *echo.Echo) { e.GET("/slow", route.handle) })
	got := make(chan answer, 1)
	go func() { got <- r.get(t, "/slow") }()
	<-route.begun

	r.stop(errSignal)
	r.logs.await(t, "service_stopping")
	require.Eventually(t, func() bool { return dialFails(r.Addr()) }, 5*time.Second, time.Millisecond, "no new connections")
	select {
	case err := <-r.done:
		t.Fatalf("Run did not wait for the request: %v", err)
	default:
	}
	close(route.letGo)
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

func TestReadinessGoesOffBeforeTheDrain(t *testing.T) {
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
	assert.True(t, a.closed, "and clients are asked to go elsewhere")
	require.NoError(t, <-r.done)
}

func TestDrainTimeoutCutsRequestsOff(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ShutdownTimeout = 50 * time.Millisecond
	route := newSlow()
	r := start(t, cfg, func(e *echo.Echo) { e.GET("/slow", route.handle) })
	got := make(chan answer, 2)
	for range 2 {
		go func() { got <- r.get(t, "/slow") }()
		<-route.begun
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

func TestHandlerThatIgnoresItsEndIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ShutdownTimeout = time.Millisecond
	route := newSlow()
	r := start(t, cfg, func(e *echo.Echo) {
		e.GET("/deaf", func(echo.Context) error {
			route.begun <- struct{}{}
			<-route.letGo
			return nil
		})
	})
	got := make(chan answer, 1)
	go func() { got <- r.get(t, "/deaf") }()
	<-route.begun
	r.stop(errSignal)
	assert.ErrorContains(t, <-r.done, "1 requests were cut off")
	assert.Error(t, (<-got).err)
	close(route.letGo)
}

func TestIdleConnectionsDoNotHoldUpTheShutdown(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), nil)
	require.NoError(t, r.get(t, "/readyz").err) // leaves a connection that is kept alive
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
	assert.Equal(t, http.StatusNotFound, r.get(t, "/metrics").status, "not in public")
	assert.Equal(t, http.StatusNotFound, r.get(t, "/debug/pprof/").status, "not in public")
}

func TestAdminListenerClosesLast(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.AdminAddr = "127.0.0.1:0"
	route := newSlow()
	r := start(t, cfg, func(e *echo.Echo) { e.GET("/slow", route.handle) })
	got := make(chan answer, 1)
	go func() { got <- r.get(t, "/slow") }()
	<-route.begun
	r.stop(errSignal)
	require.Eventually(t, func() bool { return dialFails(r.Addr()) }, 5*time.Second, time.Millisecond)
	admin := *r
	admin.url = "http://" + r.AdminAddr().String()
	assert.Equal(t, http.StatusOK, admin.get(t, "/metrics").status, "metrics of the drain can be read")
	close(route.letGo)
	require.NoError(t, (<-got).err)
	require.NoError(t, <-r.done)
	assert.True(t, dialFails(r.AdminAddr()))
}

func TestAdminOff(t *testing.T) {
	t.Parallel()
	assert.Nil(t, start(t, settings(t), nil).AdminAddr())
}

func TestListenerThatFailsEndsRun(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), nil)
	r.logs.await(t, "service_started")
	require.NoError(t, r.Close())
	err := <-r.done
	require.ErrorIs(t, err, net.ErrClosed)
	assert.Contains(t, r.logs.events(t, "service_stopping")[0]["reason"], "serve on ")
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ReadHeaderTimeout = 50 * time.Millisecond
	r := start(t, cfg, nil)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr().String())
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	for err == nil {
		_, err = conn.Read(make([]byte, 512))
	}
	var timeout net.Error
	assert.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the server must hang up first: %v", err)
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
