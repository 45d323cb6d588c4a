package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// raw sends bytes on a connection of its own and returns all that the server sends until it closes
// the connection. The server must do so within 10 seconds.
func raw(t testing.TB, r *testServer, chunks ...string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr().String())
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	for _, chunk := range chunks {
		if _, err := io.WriteString(conn, chunk); err != nil {
			break // the server has closed the connection already
		}
	}
	text, err := io.ReadAll(conn)
	timeout, ok := errors.AsType[net.Error](err)
	require.False(t, ok && timeout.Timeout(), "the server must close the connection: %q", text)
	return string(text)
}

// paths is a handler that records the paths of requests and reads their bodies.
type paths struct {
	mu   sync.Mutex
	list []string
}

func (p *paths) handle(c echo.Context) error {
	_, err := io.Copy(io.Discard, c.Request().Body)
	p.mu.Lock()
	p.list = append(p.list, c.Request().URL.Path)
	p.mu.Unlock()
	if err != nil {
		return errors.Wrap(err, errors.CodeValidation, "")
	}
	return c.NoContent(http.StatusNoContent)
}

// A proxy and the service must agree where a request ends. What follows one of these requests on the
// connection must not be served: a proxy may take it for the body.
func TestRequestSmuggling(t *testing.T) {
	t.Parallel()
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	const chunked = "0\r\n\r\n"
	tests := map[string]string{
		"length and chunked":             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"chunked and length":             "Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n" + chunked,
		"two lengths":                    "Content-Length: 0\r\nContent-Length: 56\r\n\r\n",
		"a list of lengths":              "Content-Length: 0, 56\r\n\r\n",
		"a signed length":                "Content-Length: +0\r\n\r\n",
		"a hexadecimal length":           "Content-Length: 0x0\r\n\r\n",
		"a blank before the colon":       "Content-Length : 0\r\n\r\n",
		"a blank before the other colon": "Transfer-Encoding : chunked\r\n\r\n" + chunked,
		"an unknown encoding":            "Transfer-Encoding: xchunked\r\n\r\n" + chunked,
		"two encodings":                  "Transfer-Encoding: identity, chunked\r\n\r\n" + chunked,
		"two fields of encodings":        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"an encoding after a tab":        "Transfer-Encoding:\x0bchunked\r\n\r\n" + chunked,
		"a folded encoding":              "X: y\r\n Transfer-Encoding: chunked\r\n\r\n" + chunked,
		"a carriage return in a field":   "X: y\rTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"a field without a name":         ": y\r\nContent-Length: 0\r\n\r\n",
		"an invalid size of a chunk":     "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
		"a large size of a chunk":        "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
		"a line feed in a chunk's size":  "Transfer-Encoding: chunked\r\n\r\n0;x\ny\r\n\r\n",
		"two hosts":                      "Host: y\r\nContent-Length: 0\r\n\r\n",
		"an underscore for a dash":       "Content_Length: 0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + chunked,
		"chunked without a length":       "Transfer-Encoding: chunked\r\n\r\n" + chunked,
	}
	for name, fields := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var served paths
			cfg := settings(t)
			cfg.ReadTimeout, cfg.IdleTimeout = time.Second, time.Second
			r := start(t, cfg, func(e *echo.Echo) { e.Any("/*", served.handle) })
			answers := raw(t, r, "POST /first HTTP/1.1\r\nHost: x\r\n"+fields, smuggled)
			assert.NotContains(t, served.list, "/smuggled", answers)
			assert.LessOrEqual(t, strings.Count(answers, "HTTP/1.1 2"), 1, answers)
		})
	}
	t.Run("pipelined requests that are not ambiguous", func(t *testing.T) {
		t.Parallel()
		var served paths
		r := start(t, settings(t), func(e *echo.Echo) { e.Any("/*", served.handle) })
		raw(t, r, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", smuggled)
		assert.Equal(t, []string{"/first", "/smuggled"}, served.list)
	})
}

func TestHeaderSizeIsBounded(t *testing.T) {
	t.Parallel()
	var served paths
	r := start(t, settings(t), func(e *echo.Echo) { e.Any("/*", served.handle) })
	long := strings.Repeat("a", 32<<10)
	tests := map[string]struct {
		request string
		status  int
	}{
		"a field of 32 KiB":   {"GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + long + "\r\n\r\n", http.StatusNoContent},
		"a field of 96 KiB":   {"GET /two HTTP/1.1\r\nHost: x\r\nX: " + long + long + long + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"10000 fields":        {"GET /three HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: aaaaaaa\r\n", 10_000) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"a path of 96 KiB":    {"GET /" + long + long + long + " HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"a method of 96 KiB":  {long + long + long + " / HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"fields without end":  {"GET /four HTTP/1.1\r\nHost: x\r\nX: " + long + long + long, http.StatusRequestHeaderFieldsTooLarge},
		"trailers of 192 KiB": {"POST /five HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat(long, 6) + "\r\n\r\n", http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := raw(t, r, tt.request)
			if answer == "" { // the server closed the connection while it still received
				assert.NotEqual(t, http.StatusNoContent, tt.status)
				return
			}
			assert.True(t, strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", tt.status)), "%.200s", answer)
		})
	}
}

// A client that sends or reads slowly loses its connection.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.ReadHeaderTimeout, cfg.ReadTimeout, cfg.IdleTimeout, cfg.WriteTimeout = 200*time.Millisecond, 400*time.Millisecond, 200*time.Millisecond, 400*time.Millisecond
	failed := make(chan error, 1)
	var served paths
	r := start(t, cfg, func(e *echo.Echo) {
		e.Any("/*", served.handle)
		e.GET("/large", func(c echo.Context) (err error) {
			chunk := make([]byte, 1<<20)
			for i := 0; i < 64 && err == nil; i++ {
				_, err = c.Response().Write(chunk)
			}
			failed <- err
			return nil
		})
	})
	for name, request := range map[string]string{
		"nothing":                   "",
		"half a request line":       "GET / HT",
		"half a header":             "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"half a body":               "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
		"half a chunked body":       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
		"no request after a first":  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"half of a second request":  "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /",
		"HTTP/2 without encryption": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			raw(t, r, request)
			assert.Less(t, time.Since(begin), 5*time.Second)
		})
	}
	t.Run("a slow reader", func(t *testing.T) {
		t.Parallel()
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr().String())
		require.NoError(t, err)
		defer func() { assert.NoError(t, conn.Close()) }()
		_, err = io.WriteString(conn, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		select {
		case err := <-failed:
			require.Error(t, err, "HTTP_WRITE_TIMEOUT must end the response")
		case <-time.After(10 * time.Second):
			t.Fatal("the handler still writes")
		}
	})
}

// No response tells which software the service uses, or in which version.
func TestResponsesNameNoSoftware(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/ok", func(c echo.Context) error { return c.String(http.StatusOK, "fine") })
		e.GET("/panic", func(echo.Context) error { panic("echo") })
	})
	for _, request := range []string{
		"GET /ok HTTP/1.1\r\nHost: x\r\n", "GET /nowhere HTTP/1.1\r\nHost: x\r\n", "POST /ok HTTP/1.1\r\nHost: x\r\n",
		"GET /panic HTTP/1.1\r\nHost: x\r\n", "GET /readyz HTTP/1.1\r\nHost: x\r\n", "GET /ok HTTP/1.1\r\n", "GET /ok HTTP/9.9\r\nHost: x\r\n",
		"TRACE /ok HTTP/1.1\r\nHost: x\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n", "GET /ok HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n",
	} {
		answer := raw(t, r, request+"Connection: close\r\n\r\n")
		require.NotEmpty(t, answer, request)
		for _, name := range []string{"server:", "x-powered-by", "via:", "echo", "golang", "go1.", "v1.2.3", ".go:"} {
			assert.NotContains(t, strings.ToLower(answer), name, request)
		}
	}
}

// Compression would tell the length of a secret beside text that an attacker chose (BREACH).
func TestResponsesAreNotCompressed(t *testing.T) {
	t.Parallel()
	r := start(t, settings(t), func(e *echo.Echo) {
		e.GET("/ok", func(c echo.Context) error { return c.String(http.StatusOK, strings.Repeat("fine ", 1000)) })
	})
	answer := raw(t, r, "GET /ok HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: close\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, response.Body.Close()) }()
	assert.Empty(t, response.Header.Get("Content-Encoding"))
	assert.Contains(t, answer, "fine fine")
}
