package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func TestUnknownPathAndMethod(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		ok := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
		e.GET("/notes/:id", ok)
		e.PATCH("/notes/:id", ok)
	})
	a := r.get(t, "/nothing")
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	assert.Equal(t, "RESOURCE_NOT_FOUND", a.json(t)["code"])

	a = r.send(t, http.MethodDelete, "/notes/7", nil)
	assert.Equal(t, http.StatusMethodNotAllowed, a.status)
	assert.Equal(t, "METHOD_NOT_ALLOWED", a.json(t)["code"])
	assert.Equal(t, "OPTIONS, GET, PATCH", a.header.Get("Allow"))

	a = r.send(t, http.MethodOptions, "/notes/7", nil)
	assert.Equal(t, http.StatusNoContent, a.status)
	assert.Equal(t, "OPTIONS, GET, PATCH", a.header.Get("Allow"))
	assert.Equal(t, http.StatusNotFound, r.send(t, http.MethodOptions, "/nothing", nil).status)
}

func TestAccessLogHasTheStatusThatWasSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path, route string
		status              int
	}{
		{"GET", "/notes/7", "/notes/:id", 204},
		{"GET", "/nothing", "unmatched", 404},
		{"PUT", "/notes/7", "/notes/:id", 405},
		{"GET", "/panic/1", "/panic/:id", 500},
		{"GET", "/conflict", "/conflict", 409},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			t.Parallel()
			r := start(t, settings(t), func(e *echo.Echo) {
				e.GET("/notes/:id", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
				e.GET("/panic/:id", func(echo.Context) error { panic("hunter2") })
				e.GET("/conflict", func(echo.Context) error { return errors.New(errors.CodeConflict, "") })
			})
			a := r.send(t, tt.method, tt.path, nil, "X-Correlation-ID", "from-a-test")
			assert.Equal(t, tt.status, a.status)
			assert.Equal(t, "from-a-test", a.header.Get("X-Correlation-ID"))
			lines := r.logs.await(t, "http_request")
			require.Len(t, lines, 1)
			assert.EqualValues(t, tt.status, lines[0]["status"])
			assert.Equal(t, tt.route, lines[0]["route"])
			assert.Equal(t, "from-a-test", lines[0]["correlation_id"])
		})
	}
}

func TestPanicIsOneProblemAndOneLogLine(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/panic", func(echo.Context) error { panic(errors.Sentinel("boom")) })
		e.GET("/abort", func(echo.Context) error { panic(http.ErrAbortHandler) })
	})
	a := r.get(t, "/panic")
	assert.Equal(t, http.StatusInternalServerError, a.status)
	assert.NotContains(t, a.body, "boom")
	assert.Equal(t, "INTERNAL_ERROR", a.json(t)["code"])
	lines := r.logs.await(t, "exception_raised")
	require.Len(t, lines, 1)
	assert.Equal(t, "error", lines[0]["level"])
	assert.Contains(t, lines[0]["error"], "boom")
	assert.Contains(t, fmt.Sprint(lines[0]["stack"]), "TestPanicIsOneProblemAndOneLogLine")

	require.Error(t, r.get(t, "/abort").err, "http.ErrAbortHandler cuts the connection")
	assert.Len(t, r.logs.events(t, "exception_raised"), 1)
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.POST("/", func(c echo.Context) error {
			var in struct {
				Text string `json:"text"`
			}
			if err := request.JSON(c, &in); err != nil {
				return err
			}
			return c.String(http.StatusOK, fmt.Sprint(len(in.Text)))
		})
	})
	body := func(size int) string { return `{"text":"` + strings.Repeat("a", size-len(`{"text":""}`)) + `"}` }
	const limit = 1 << 20
	for name, reader := range map[string]func(string) io.Reader{
		"with Content-Length": func(s string) io.Reader { return strings.NewReader(s) },
		"chunked":             func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) },
	} {
		a := r.send(t, http.MethodPost, "/", reader(body(limit)), "Content-Type", "application/json")
		require.NoError(t, a.err, name)
		assert.Equal(t, http.StatusOK, a.status, name)
		for _, size := range []int{limit + 1, 2 * limit} {
			a = r.send(t, http.MethodPost, "/", reader(body(size)), "Content-Type", "application/json")
			if a.err != nil { // the server hung up while the client was still sending, as it may
				continue
			}
			assert.Equal(t, http.StatusRequestEntityTooLarge, a.status, name)
			assert.Equal(t, map[string]any{"limit_bytes": float64(limit)}, a.json(t)["details"])
		}
	}
	for _, line := range r.logs.events(t, "http_request") {
		assert.Contains(t, []float64{200, 413}, line["status"])
	}
}

func TestBodyOverTheLimitNeverReachesTheHandler(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	e := server.NewEcho(settings(t), log)
	e.POST("/", func(echo.Context) error { t.Error("the handler ran"); return nil })
	for name, tt := range map[string]struct {
		size, left int
		expect     string
	}{
		"just over":            {1<<20 + 1, 0, ""},
		"read to its end":      {2 << 20, 0, ""}, // so that the client, still writing, gets to read the answer
		"far too large":        {20 << 20, 12 << 20, ""},
		"not asked to send it": {2 << 20, 2 << 20, "100-continue"},
	} {
		body := bytes.NewReader(make([]byte, tt.size))
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
		r.Header.Set("Expect", tt.expect)
		e.ServeHTTP(w, r)
		assert.Equal(t, http.StatusRequestEntityTooLarge, w.Code, name)
		assert.Equal(t, tt.left, body.Len(), name)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	for environment, hsts := range map[config.Environment]string{config.Testing: "", config.Production: "max-age=63072000"} {
		cfg := settings(t)
		cfg.Environment = environment
		log, _ := newLog(t)
		e := server.NewEcho(cfg, log)
		e.GET("/", func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "public")
			return c.NoContent(http.StatusOK)
		})
		for path, cache := range map[string]string{"/": "public", "/nothing": "no-store"} {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			h := w.Header()
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
			assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			assert.Equal(t, "default-src 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"))
			assert.Equal(t, cache, h.Get("Cache-Control"), "a handler may say otherwise")
			assert.Equal(t, hsts, h.Get("Strict-Transport-Security"))
		}
	}
}
