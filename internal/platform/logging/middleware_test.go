package logging_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// newServer returns an Echo with the middleware of a service, and what it logs.
func newServer(t *testing.T) (*echo.Echo, *record) {
	t.Helper()
	log, out := newLogger(t)
	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(log.Exception)
	e.Use(errors.CorrelationMiddleware(), logging.Requests(log))
	return e, out
}

func get(t *testing.T, e *echo.Echo, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("User-Agent", strings.Repeat("u", 300))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	e, out := newServer(t)
	fails := map[string]error{
		"bad": errors.Invalid("title", "required", "is missing"), "missing": errors.NotFound("note", 1),
		"broken": errors.Sentinel("password=hunter2"), "gone": errors.New(errors.CodeClientClosedRequest, ""),
		"wrapped": errors.Wrap(echo.NewHTTPError(http.StatusTeapot), errors.CodeServiceUnavailable, ""),
	}
	e.GET("/v1/notes/:id", func(c echo.Context) error {
		if err := fails[c.Param("id")]; err != nil {
			return err
		}
		return c.String(http.StatusOK, "hello")
	})
	for _, c := range []struct {
		path, level, route string
		status             float64
	}{
		{"/v1/notes/1?token=x", "info", "/v1/notes/:id", 200},
		{"/v1/notes/bad", "warning", "/v1/notes/:id", 400},
		{"/v1/notes/missing", "info", "/v1/notes/:id", 404},
		{"/v1/notes/gone", "info", "/v1/notes/:id", 499},
		{"/v1/notes/broken", "error", "/v1/notes/:id", 500},
		{"/v1/notes/wrapped", "error", "/v1/notes/:id", 503},
		{"/nowhere", "info", "unmatched", 404},
	} {
		w := get(t, e, c.path)
		line := out.last(t)
		assert.InDelta(t, c.status, w.Code, 0, c.path)
		path, _, _ := strings.Cut(c.path, "?")
		assert.Equal(t, []any{"http_request", c.level, "GET", c.route, path, c.status, "192.0.2.1", strings.Repeat("u", 256) + "…"},
			[]any{line["event"], line["level"], line["method"], line["route"], line["path"], line["status"],
				line["remote_ip"], line["user_agent"]})
		assert.InDelta(t, w.Body.Len(), line["bytes"], 0)
		assert.Contains(t, line, "duration_ms")
		assert.Equal(t, w.Header().Get("X-Correlation-ID"), line["correlation_id"])
	}
	assert.NotContains(t, out.text(), "hunter2")
}

// The path is logged without its query, and a secret in it as little as in any other text.
func TestRequestPathTellsNoSecret(t *testing.T) {
	t.Parallel()
	e, out := newServer(t)
	key := "ak_" + strings.Repeat("0aB", 20) + "_a1B2c3"
	for _, path := range []string{"/reset/" + key, "/x?access_token=hunter2", "/x;token=hunter2", "/a%0Ab/rt_" + strings.Repeat("x", 40),
		"/" + jwt, "/x?q=" + key} {
		get(t, e, path)
		line := out.last(t)
		assert.Equal(t, "http_request", line["event"])
		for _, secret := range []string{key, "hunter2", "rt_xx", jwt, "?"} {
			assert.NotContains(t, line["path"], secret)
		}
	}
	assert.NotContains(t, out.text(), "hunter2")
	assert.NotContains(t, out.text(), key)
}

func TestRequestLineHasFieldsOfLaterMiddleware(t *testing.T) {
	t.Parallel()
	e, out := newServer(t)
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			c.SetRequest(r.WithContext(logging.Bind(r.Context(), logging.String("tenant_id", "t-1"))))
			return next(c)
		}
	})
	e.GET("/", func(c echo.Context) error { return errors.New(errors.CodeConflict, "") })
	get(t, e, "/")
	for _, line := range out.lines(t) {
		assert.Equal(t, "t-1", line["tenant_id"], line["event"])
	}
}

func TestPanicIsLoggedAndGoesOn(t *testing.T) {
	t.Parallel()
	e, out := newServer(t)
	e.GET("/", func(echo.Context) error { panic("boom") })
	assert.PanicsWithValue(t, "boom", func() { get(t, e, "/") })
	assert.InDelta(t, 500, out.last(t)["status"], 0)
}

func TestRequestsAtALevelThatIsOff(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{Level: "error"})
	log := logging.New(core, "x")
	e := echo.New()
	e.Use(logging.Requests(log))
	get(t, e, "/")
	log.Exception(t.Context(), errors.NotFound("note", 1))
	assert.Empty(t, out.text())
}

func TestException(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	log.Exception(t.Context(), nil)
	require.Empty(t, out.text())
	log.Exception(t.Context(), errors.NotFound("note", 1))
	line := out.last(t)
	assert.Equal(t, []any{"exception_raised", "warning", "RESOURCE_NOT_FOUND", 404.0, "There is no such note",
		"There is no such note"},
		[]any{line["event"], line["level"], line["error_code"], line["status_code"], line["message"], line["error"]})
	assert.NotContains(t, line, "stack")
	assert.Regexp(t, `logging_test\.TestException.*middleware_test\.go:\d+`, line["caller"])

	log.Exception(t.Context(), errors.Internal(errors.Sentinel("dial postgres://u:hunter2@h"), "read the note"))
	line = out.last(t)
	assert.Equal(t,
		[]any{"error", "INTERNAL_ERROR", "An unexpected error occurred", "read the note: dial postgres://u:[REDACTED]@h"},
		[]any{line["level"], line["error_code"], line["message"], line["error"]})
	assert.Contains(t, as[[]any](t, line["stack"])[0], "middleware_test.go")

	log.Exception(t.Context(), errors.From(context.Canceled))
	assert.Equal(t, "info", out.last(t)["level"])
	log.Exception(t.Context(), &errors.Error{})
	line = out.last(t)
	assert.Equal(t, []any{"INTERNAL_ERROR", 500.0, "An unexpected error occurred"},
		[]any{line["error_code"], line["status_code"], line["message"]})
}
