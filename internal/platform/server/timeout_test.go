package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func TestRequestTimeoutIs504(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.RequestTimeout = 20 * time.Millisecond
	r := start(t, cfg, func(e *echo.Echo) {
		e.GET("/", func(c echo.Context) error {
			<-c.Request().Context().Done()
			return fmt.Errorf("query: %w", c.Request().Context().Err())
		})
	})
	a := r.get(t, "/")
	assert.Equal(t, http.StatusGatewayTimeout, a.status)
	assert.Equal(t, "GATEWAY_TIMEOUT", a.json(t)["code"])
}

func TestCancellationInsideTheServiceIsNotTheClients(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/", func(c echo.Context) error {
			ctx, cancel := context.WithCancel(c.Request().Context())
			cancel()
			return ctx.Err()
		})
	})
	assert.Equal(t, http.StatusInternalServerError, r.get(t, "/").status)
}

func TestStreamOutlivesEveryTimeout(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.RequestTimeout, cfg.WriteTimeout, cfg.ReadTimeout = 20*time.Millisecond, 40*time.Millisecond, 40*time.Millisecond
	type key struct{}
	r := start(t, cfg, func(e *echo.Echo) {
		e.GET("/", func(c echo.Context) error {
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), key{}, "kept")))
			if err := server.NoTimeout(c); err != nil {
				return err
			}
			ctx := c.Request().Context()
			for range 5 {
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(20 * time.Millisecond):
				}
				_, _ = fmt.Fprintln(c.Response(), ctx.Value(key{}))
				c.Response().Flush()
			}
			return nil
		})
	})
	a := r.get(t, "/")
	require.NoError(t, a.err)
	assert.Equal(t, strings.Repeat("kept\n", 5), a.body)
}

func TestStreamEndsWithItsClient(t *testing.T) {
	t.Parallel()
	route := newSlow()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/", func(c echo.Context) error {
			if err := server.NoTimeout(c); err != nil {
				return err
			}
			return route.handle(c)
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/", nil)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		response, err := r.client.Do(req)
		if err == nil {
			_ = response.Body.Close()
		}
		ended <- err
	}()
	<-route.begun
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.ErrorIs(t, <-route.cause, context.Canceled)
	line := r.logs.await(t, "http_request")[0]
	assert.EqualValues(t, errors.StatusClientClosedRequest, line["status"])
}

func TestNoTimeoutWithoutAServer(t *testing.T) {
	t.Parallel()
	c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), httptest.NewRecorder())
	assert.NoError(t, server.NoTimeout(c))
}

func TestSlowBodyIs408(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ReadTimeout = 50 * time.Millisecond
	r := start(t, cfg, func(e *echo.Echo) {
		e.POST("/", func(c echo.Context) error { return request.JSON(c, new(struct{})) })
	})
	body, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	go func() { _, _ = feed.Write([]byte(`{"te`)) }()
	a := r.send(t, http.MethodPost, "/", body, "Content-Type", "application/json")
	require.NoError(t, a.err)
	assert.Equal(t, http.StatusRequestTimeout, a.status)
	assert.Equal(t, "REQUEST_TIMEOUT", a.json(t)["code"])
}
