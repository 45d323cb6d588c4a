package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
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

// recorded returns an Echo with the whole middleware, without a listener, and its log.
func recorded(t *testing.T) (*echo.Echo, *logBuffer) {
	t.Helper()
	log, logs := newLog(t)
	return server.NewEcho(settings(t), log), logs
}

// fetchLogged sends a request to e and returns the response and the last http_request line.
func fetchLogged(t *testing.T, e *echo.Echo, logs *logBuffer, method, path string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.Header.Set("User-Agent", strings.Repeat("u", 300))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	lines := logs.events(t, "http_request")
	require.NotEmpty(t, lines, path)
	return w, lines[len(lines)-1]
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	e, logs := recorded(t)
	fails := map[string]error{
		"bad": errors.Invalid("title", "required", "is missing"), "missing": errors.NotFound("note", 1),
		"broken": errors.Sentinel("password=hunter2"), "gone": errors.New(errors.CodeClientClosedRequest, ""),
		"wrapped": errors.Wrap(echo.NewHTTPError(http.StatusTeapot), errors.CodeServiceUnavailable, ""),
	}
	e.GET("/v1/notes/:id", func(c echo.Context) error {
		if c.Param("id") == "panic" {
			panic("hunter2")
		}
		if err := fails[c.Param("id")]; err != nil {
			return err
		}
		return c.String(http.StatusOK, "hello")
	})
	for _, tt := range []struct {
		method, path, level, route string
		status                     int
	}{
		{"GET", "/v1/notes/1?token=x", "info", "/v1/notes/:id", 200},
		{"GET", "/v1/notes/bad", "warning", "/v1/notes/:id", 400},
		{"GET", "/v1/notes/missing", "info", "/v1/notes/:id", 404},
		{"PUT", "/v1/notes/1", "warning", "/v1/notes/:id", 405},
		{"GET", "/v1/notes/gone", "info", "/v1/notes/:id", 499},
		{"GET", "/v1/notes/broken", "error", "/v1/notes/:id", 500},
		{"GET", "/v1/notes/panic", "error", "/v1/notes/:id", 500},
		{"GET", "/v1/notes/wrapped", "error", "/v1/notes/:id", 503},
		{"GET", "/nowhere", "info", "unmatched", 404},
	} {
		w, line := fetchLogged(t, e, logs, tt.method, tt.path)
		assert.Equal(t, tt.status, w.Code, tt.path)
		path, _, _ := strings.Cut(tt.path, "?")
		assert.Equal(t, []any{tt.level, tt.method, tt.route, path, float64(tt.status), "192.0.2.1", strings.Repeat("u", 256) + "…"},
			[]any{line["level"], line["method"], line["route"], line["path"], line["status"], line["remote_ip"], line["user_agent"]})
		assert.InDelta(t, w.Body.Len(), line["bytes"], 0, tt.path)
		assert.Contains(t, line, "duration_ms", tt.path)
		assert.Equal(t, w.Header().Get("X-Correlation-ID"), line["correlation_id"], tt.path)
	}
	for _, line := range logs.events(t, "exception_raised") {
		want := logging.StatusLevel(int(line["status_code"].(float64))).String()
		assert.Equal(t, want, line["level"], "exception_raised and http_request have the same level")
	}
	assert.NotContains(t, logs.text.String(), "password=hunter2")
}

// The path is logged without its query, and secrets in it are redacted as in any other text.
func TestAccessLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	e, logs := recorded(t)
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	key := "ak_" + strings.Repeat("0aB", 20) + "_a1B2c3"
	for _, path := range []string{
		"/reset/" + key, "/x?access_token=hunter2", "/x;token=hunter2", "/a%0Ab/rt_" + strings.Repeat("x", 40),
		"/" + jwt, "/x?q=" + key,
	} {
		_, line := fetchLogged(t, e, logs, http.MethodGet, path)
		for _, secret := range []string{key, "hunter2", "rt_xx", jwt, "?"} {
			assert.NotContains(t, line["path"], secret)
		}
	}
	assert.NotContains(t, logs.text.String(), "hunter2")
	assert.NotContains(t, logs.text.String(), key)
}

func TestAccessLogHasFieldsOfInnerMiddleware(t *testing.T) {
	t.Parallel()
	e, logs := recorded(t)
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			c.SetRequest(r.WithContext(logging.Bind(r.Context(), logging.String("tenant_id", "t-1"))))
			return next(c)
		}
	})
	e.GET("/", func(echo.Context) error { return errors.New(errors.CodeConflict, "") })
	_, line := fetchLogged(t, e, logs, http.MethodGet, "/")
	assert.Equal(t, "t-1", line["tenant_id"])
	assert.Equal(t, "t-1", logs.events(t, "exception_raised")[0]["tenant_id"])
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
	requests := r.logs.events(t, "http_request")
	last := requests[len(requests)-1]
	assert.Equal(t, []any{"/abort", 500.0}, []any{last["path"], last["status"]})
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
			if a.err != nil { // the server may close the connection while the client is sending
				continue
			}
			assert.Equal(t, http.StatusRequestEntityTooLarge, a.status, name)
			message := fmt.Sprintf("must have at most %d bytes", limit)
			assert.Equal(t, map[string]any{
				"limit_bytes": float64(limit),
				"fields":      []any{map[string]any{"field": "body", "rule": "max_size", "message": message}},
			}, a.json(t)["details"])
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
		"read to its end":      {2 << 20, 0, ""}, // so that a client that still writes receives the response
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

// Bodies that are being processed share a budget. It counts what has been read, not Content-Length.
func TestBodyBudget(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	cfg := settings(t)
	cfg.BodyBudget = 2 << 20
	e := server.NewEcho(cfg, log)
	entered, leave := make(chan struct{}), make(chan struct{})
	e.POST("/hold", func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		entered <- struct{}{}
		<-leave
		return c.NoContent(http.StatusNoContent)
	})
	e.POST("/", func(c echo.Context) error {
		var in struct {
			Text string `json:"text"`
		}
		if err := request.JSON(c, &in); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	})
	send := func(path, body string, claimed int64) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.ContentLength = claimed
		e.ServeHTTP(w, r)
		return w
	}
	var held sync.WaitGroup
	hold := func(body string, claimed int64) {
		held.Go(func() {
			if code := send("/hold", body, claimed).Code; code != http.StatusNoContent {
				t.Errorf("a body to hold: %d", code)
				entered <- struct{}{}
			}
		})
		<-entered
	}
	text := func(size int) string { return `{"text":"` + strings.Repeat("a", size-len(`{"text":""}`)) + `"}` }
	for range 5 {
		hold("{}", 1<<20) // claim much and send little
	}
	hold(text(1<<20), -1)
	assert.Equal(t, http.StatusNoContent, send("/", text(1000<<10), -1).Code, "below the budget")
	hold(text(1000<<10), -1)
	w := send("/", text(100<<10), -1)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	assert.Contains(t, w.Body.String(), "SERVICE_UNAVAILABLE")
	assert.Equal(t, http.StatusNoContent, send("/", text(1<<10), -1).Code, "a small body still fits")
	close(leave)
	held.Wait()
	for range 3 {
		assert.Equal(t, http.StatusNoContent, send("/", text(1<<20), -1).Code, "the budget is free again")
	}
}

// Nothing is kept of a refused body, so what the server reads of it leaves the budget to others.
func TestRefusedBodyDoesNotUseTheBudget(t *testing.T) {
	t.Parallel()
	log, _ := newLog(t)
	cfg := settings(t)
	cfg.BodyBudget = 1<<20 + 4<<10
	e := server.NewEcho(cfg, log)
	read := func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}
	e.POST("/", read)
	e.POST("/small", server.BodyLimit(16<<10)(read))
	send := func(path string, body io.Reader, length int64) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, body)
		r.ContentLength = length
		e.ServeHTTP(w, r)
		return w.Code
	}
	for name, tt := range map[string]struct {
		path   string
		size   int
		length int64
	}{
		"with Content-Length":         {"/", 7 << 20, 7 << 20},
		"chunked":                     {"/", 7 << 20, -1},
		"of a small route":            {"/small", 900 << 10, 900 << 10},
		"chunked, of a small route":   {"/small", 900 << 10, -1},
		"over both limits of a route": {"/small", 7 << 20, -1},
	} {
		other := 0 // the status of a request while the refused body is in flight
		end := readerFunc(func([]byte) (int, error) {
			other = send("/", strings.NewReader(strings.Repeat("a", 1<<20)), -1)
			return 0, io.EOF
		})
		body := io.MultiReader(bytes.NewReader(make([]byte, tt.size)), end)
		assert.Equal(t, http.StatusRequestEntityTooLarge, send(tt.path, body, tt.length), name)
		assert.Equal(t, http.StatusNoContent, other, name)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

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
			assert.Equal(t, cache, h.Get("Cache-Control"), "a handler may replace it")
			assert.Equal(t, hsts, h.Get("Strict-Transport-Security"))
		}
	}
}

// The values of the headers share an array. A handler that adds one must not overwrite the next.
func TestAddedHeaderLeavesTheOthersUnchanged(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/plain", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		e.GET("/added", func(c echo.Context) error {
			for name, values := range c.Response().Header() {
				c.Response().Header()[name] = append(values, "added")
			}
			return c.NoContent(http.StatusNoContent)
		})
	})
	plain, added := r.get(t, "/plain").header, r.get(t, "/added").header
	for _, name := range []string{
		"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control",
	} {
		assert.Equal(t, append(plain.Values(name), "added"), added.Values(name), name)
	}
}

func TestForwardedForFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trusted      []string
		remote, sent string
		want         string
	}{
		"nobody trusted":            {nil, "10.0.0.1:1", "1.2.3.4", "10.0.0.1"},
		"nobody, from loopback":     {nil, "127.0.0.1:1", "1.2.3.4", "127.0.0.1"},
		"another block":             {[]string{"192.168.0.0/16"}, "10.0.0.1:1", "1.2.3.4", "10.0.0.1"},
		"loopback is not implied":   {[]string{"192.168.0.0/16"}, "127.0.0.1:1", "1.2.3.4", "127.0.0.1"},
		"trusted":                   {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4", "1.2.3.4"},
		"mapped block":              {[]string{"::ffff:10.0.0.0/104"}, "10.0.0.1:1", "1.2.3.4", "1.2.3.4"},
		"half of all IPv4 in IPv6":  {[]string{"::ffff:0:0/97"}, "[::ffff:10.0.0.1]:1", "1.2.3.4, 10.1.1.1", "1.2.3.4"},
		"another IPv4 in IPv6":      {[]string{"::ffff:10.0.0.0/104"}, "11.0.0.1:1", "1.2.3.4", "11.0.0.1"},
		"two proxies":               {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4, 10.9.9.9", "1.2.3.4"},
		"what the client made up":   {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "6.6.6.6, 1.2.3.4", "1.2.3.4"},
		"private client not passed": {[]string{"10.0.0.0/24"}, "10.0.0.1:1", "6.6.6.6, 10.1.1.1", "10.1.1.1"},
		"no header":                 {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "", "10.0.0.1"},
		"IPv6":                      {[]string{"fd00::/8"}, "[fd00::1]:1", "2001:db8::7", "2001:db8::7"},
		"a port":                    {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4:5123, 10.9.9.9:80", "1.2.3.4"},
		"IPv6 and a port":           {[]string{"fd00::/8"}, "[fd00::1]:1", "[2001:db8::7]:5123", "2001:db8::7"},
		"IPv6 in brackets":          {[]string{"fd00::/8"}, "[fd00::1]:1", "[2001:db8::7]", "2001:db8::7"},
		"IPv4 in IPv6":              {[]string{"10.0.0.0/8"}, "[::ffff:10.0.0.1]:1", "::ffff:1.2.3.4", "1.2.3.4"},
		"a zone":                    {[]string{"fe80::/10"}, "[fe80::1%eth0]:1", "1.2.3.4", "1.2.3.4"},
		"no address":                {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "1.2.3.4, unknown", "10.0.0.1"},
		"only proxies":              {[]string{"10.0.0.0/8"}, "10.0.0.1:1", "10.2.2.2, 10.3.3.3", "10.2.2.2"},
		"a Unix socket":             {[]string{"10.0.0.0/8"}, "@", "1.2.3.4", ""},
	}
	for name, tt := range tests {
		cfg := settings(t)
		cfg.TrustedProxies = tt.trusted
		log, _ := newLog(t)
		e := server.NewEcho(cfg, log)
		e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, c.RealIP()) })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		if tt.sent != "" {
			r.Header.Set("X-Forwarded-For", tt.sent)
		}
		r.Header.Set("X-Real-IP", "6.6.6.6")
		r.Header.Set("Forwarded", "for=6.6.6.6")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, tt.want, w.Body.String(), name)
	}
}

func TestForwardedForInSeveralHeaders(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.TrustedProxies = []string{"10.0.0.0/8"}
	log, _ := newLog(t)
	e := server.NewEcho(cfg, log)
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, c.RealIP()) })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header["X-Forwarded-For"] = []string{"6.6.6.6", "1.2.3.4", "10.9.9.9"}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	assert.Equal(t, "1.2.3.4", w.Body.String())
}

func FuzzClientIP(f *testing.F) {
	f.Add("1.2.3.4, 10.9.9.9:80")
	f.Add("[2001:db8::7]:5123")
	f.Add(",,unknown, [::1%eth0]")
	extract := server.ClientIP([]string{"10.0.0.0/8", "fd00::/8"})
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {forwarded}}}
		_, err := netip.ParseAddr(extract(r))
		require.NoError(t, err, "whatever is sent, an address comes out")
		r.RemoteAddr = "192.0.2.1:1"
		require.Equal(t, "192.0.2.1", extract(r), "who is no proxy is not believed")
	})
}

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

func TestCancellationByTheServiceIs500(t *testing.T) {
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

// part:notes part:llm begin

func TestStreamOutlivesTimeouts(t *testing.T) {
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
	route := newBlockingRoute()
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
	<-route.started
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

// part:notes part:llm end

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

func TestRequestHasClient(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("User-Agent", "Laptop/1")
	var got server.Client
	respondTo(r, nil, func(c echo.Context) error {
		got = server.ClientFrom(c.Request().Context())
		return nil
	})
	assert.Equal(t, server.Client{RemoteIP: "192.0.2.7", UserAgent: "Laptop/1"}, got)
	assert.Empty(t, server.ClientFrom(t.Context()))
}
