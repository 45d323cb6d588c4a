package llm_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

var info = llm.Info{Provider: "openai", Model: "small"}

// serve starts a server and returns its URL.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// client returns NewHTTPClient, without connections when the test ends.
func client(t *testing.T) *http.Client {
	t.Helper()
	c := llm.NewHTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// get sends a request and returns the exchange, the body, and the error of either.
func get(ctx context.Context, c *http.Client, url string) (*llm.Exchange, []byte, error) {
	x := llm.NewExchange(ctx, info, c, llm.Recorded{})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return x, nil, err
	}
	req.Header.Set("X-Api-Key", "planted-key")
	_, err = x.Do(req) //nolint:bodyclose // never a response
	if x.Recorded().Status == 0 {
		return x, nil, err
	}
	defer x.Body().Close()
	data, err := io.ReadAll(x.Body())
	return x, data, err
}

func TestExchangeHasHeaders(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header, value string
		want          llm.Recorded
	}{
		"of OpenAI":                {"x-request-id", "req_1", llm.Recorded{RequestID: "req_1"}},
		"of Anthropic":             {"request-id", "req_2", llm.Recorded{RequestID: "req_2"}},
		"of Azure":                 {"apim-request-id", "3", llm.Recorded{RequestID: "3"}},
		"an id not fit for a log":  {"x-request-id", "a b", llm.Recorded{}},
		"milliseconds":             {"retry-after-ms", "1500", llm.Recorded{RetryAfter: 1500 * time.Millisecond}},
		"milliseconds of Azure":    {"x-ms-retry-after-ms", "20", llm.Recorded{RetryAfter: 20 * time.Millisecond}},
		"seconds":                  {"retry-after", "7", llm.Recorded{RetryAfter: 7 * time.Second}},
		"fractions of seconds":     {"retry-after", "0.25", llm.Recorded{RetryAfter: 250 * time.Millisecond}},
		"a date in the past":       {"retry-after", "Fri, 01 Jan 2021 00:00:00 GMT", llm.Recorded{}},
		"a date far in the future": {"retry-after", "Fri, 01 Jan 2100 00:00:00 GMT", llm.Recorded{RetryAfter: time.Hour}},
		"too long":                 {"retry-after", "1e300", llm.Recorded{RetryAfter: time.Hour}},
		"infinity":                 {"retry-after", "Inf", llm.Recorded{RetryAfter: time.Hour}},
		"negative":                 {"retry-after", "-5", llm.Recorded{}},
		"no number":                {"retry-after", "NaN", llm.Recorded{}},
		"garbage":                  {"retry-after", "soon", llm.Recorded{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(tt.header, tt.value)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			x, _, err := get(t.Context(), client(t), url)
			require.NoError(t, err)
			tt.want.Status = http.StatusTooManyRequests
			assert.Equal(t, tt.want, x.Recorded())
		})
	}
}

func TestMillisecondsGoBeforeSeconds(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "2")
		w.Header().Set("Retry-After-Ms", "1300")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	x, _, err := get(t.Context(), client(t), url)
	require.NoError(t, err)
	assert.Equal(t, 1300*time.Millisecond, x.Recorded().RetryAfter)
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	x, _, err := get(t.Context(), client(t), url)
	require.NoError(t, err)
	assert.InDelta(t, time.Minute, x.Recorded().RetryAfter, float64(10*time.Second))
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status, size, want int
		fails              bool
	}{
		"an answer of 32 MiB": {http.StatusOK, 32<<20 - 1, 32<<20 - 1, false},
		"a larger answer":     {http.StatusOK, 32<<20 + 1, 32 << 20, true},
		"an error of 64 KiB":  {http.StatusBadRequest, 64 << 10, 64 << 10, false},
		"a larger error":      {http.StatusBadRequest, 64<<10 + 1, 64 << 10, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, strings.Repeat("x", tt.size)) // fails when the client had enough
			})
			x, data, err := get(t.Context(), client(t), url)
			assert.Len(t, data, tt.want)
			if !tt.fails {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "32 MiB")
			assert.Equal(t, llm.KindUnavailable, x.Error("", "", err).Kind)
		})
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				t.Errorf("the other host got a request with the key %q", r.Header.Get("X-Api-Key"))
			})
			url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, status) })
			x, _, err := get(t.Context(), client(t), url)
			require.NoError(t, err)
			e := x.Error("", "", nil)
			assert.Equal(t, llm.KindUnavailable, e.Kind)
			assert.Equal(t, status, e.Status)
		})
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const parallel = 20
	addrs := make(chan string, 2*parallel)
	var arrive, leave chan struct{}
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		addrs <- r.RemoteAddr
		arrive <- struct{}{}
		<-leave
	})
	c := client(t)
	seen := map[string]bool{}
	for range 2 {
		arrive, leave = make(chan struct{}), make(chan struct{})
		done := make(chan error, parallel)
		for range parallel {
			go func() {
				_, _, err := get(t.Context(), c, url)
				done <- err
			}()
		}
		for range parallel {
			<-arrive
		}
		close(leave)
		for range parallel {
			require.NoError(t, <-done)
			seen[<-addrs] = true
		}
	}
	assert.Len(t, seen, parallel, "connections of two rounds of requests")
}

// pipe returns a client whose connections end in serve, so that a bubble of synctest has both ends.
func pipe(t *testing.T, serve func(net.Conn)) *http.Client {
	t.Helper()
	c := llm.NewHTTPClient()
	c.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go serve(far)
		return near, nil
	}
	return c
}

func TestSilentServerTimesOutWithoutDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		start := time.Now()
		x, _, err := get(t.Context(), c, "http://silent.test")
		e := x.Error("", "", err)
		assert.Equal(t, llm.KindTimeout, e.Kind)
		assert.Equal(t, 10*time.Minute, time.Since(start))
	})
}

// conn is a connection that can lose all that is written.
type conn struct {
	net.Conn
	lost atomic.Bool
}

func (c *conn) Write(p []byte) (int, error) {
	if c.lost.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// one is a listener with one connection.
type one struct{ conns chan net.Conn }

func (o one) Accept() (net.Conn, error) {
	c, ok := <-o.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (o one) Close() error   { return nil }
func (o one) Addr() net.Addr { return &net.UnixAddr{} }

// All requests to a provider share a connection of HTTP/2. When it is dead, they must not hang.
func TestDeadConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	donor := httptest.NewTLSServer(nil) // of a certificate
	defer donor.Close()
	roots := x509.NewCertPool()
	roots.AddCert(donor.Certificate())
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		dead := &conn{Conn: near}
		listener := one{make(chan net.Conn, 1)}
		listener.conns <- far
		server := &http.Server{
			Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
			TLSConfig: &tls.Config{Certificates: donor.TLS.Certificates},
		}
		go func() { _ = server.ServeTLS(listener, "", "") }()
		defer func() {
			close(listener.conns)
			_ = server.Close()
		}()
		c := llm.NewHTTPClient()
		defer c.CloseIdleConnections()
		transport := c.Transport.(*http.Transport)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return dead, nil }
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		_, proto, err := get(t.Context(), c, "https://example.com")
		require.NoError(t, err)
		require.Equal(t, "HTTP/2.0", string(proto))

		dead.lost.Store(true)
		start := time.Now()
		x, _, err := get(t.Context(), c, "https://example.com")
		assert.Equal(t, llm.KindUnavailable, x.Error("", "", err).Kind, err)
		assert.Equal(t, 25*time.Second, time.Since(start))
	})
}

func TestErrorOfACourse(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	slow, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(fmt.Errorf("llm: no event for 15s: %w", context.DeadlineExceeded))
	stopped, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(errors.Sentinel("shutdown"))

	unexpected := fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
	tests := map[string]struct {
		ctx           context.Context
		status        int
		code, message string
		cause         error
		want          llm.Kind
		is            error // the error must be this one
	}{
		"the caller canceled":              {canceled, 0, "", "", context.Canceled, llm.KindCanceled, context.Canceled},
		"the caller canceled in a stream":  {canceled, 200, "", "", unexpected, llm.KindCanceled, context.Canceled},
		"canceled for a reason":            {stopped, 0, "", "", context.Canceled, llm.KindCanceled, nil},
		"a deadline":                       {expired, 0, "", "", context.DeadlineExceeded, llm.KindTimeout, context.DeadlineExceeded},
		"a timeout of the chain":           {slow, 200, "", "", unexpected, llm.KindTimeout, context.DeadlineExceeded},
		"a timeout before the error":       {slow, 400, "invalid_request_error", "", nil, llm.KindTimeout, nil},
		"a cancellation that is not ours":  {t.Context(), 0, "", "", context.Canceled, llm.KindUnavailable, nil},
		"no connection":                    {t.Context(), 0, "", "", &net.OpError{Op: "dial", Err: io.EOF}, llm.KindUnavailable, nil},
		"no headers in time":               {t.Context(), 0, "", "", &net.DNSError{IsTimeout: true}, llm.KindTimeout, nil},
		"no response":                      {t.Context(), 0, "", "", unexpected, llm.KindUnavailable, nil},
		"an answer that ends early":        {t.Context(), 200, "", "", unexpected, llm.KindTruncated, nil},
		"an error that ends early":         {t.Context(), 500, "", "", unexpected, llm.KindUnavailable, nil},
		"an error frame at the end":        {t.Context(), 200, "overloaded_error", "", unexpected, llm.KindOverloaded, nil},
		"a message before the end":         {t.Context(), 200, "", "prompt is too long", unexpected, llm.KindContextLength, nil},
		"an answer that cannot be decoded": {t.Context(), 200, "", "", io.EOF, llm.KindUnavailable, nil},
		"a rate limit":                     {t.Context(), 429, "", "", nil, llm.KindRateLimit, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := llm.NewExchange(tt.ctx, info, nil, llm.Recorded{Status: tt.status, RequestID: "req", RetryAfter: time.Second})
			e := x.Error(tt.code, tt.message, tt.cause)
			assert.Equal(t, tt.want, e.Kind)
			assert.Equal(t, []any{"openai", "small", tt.status, "req", time.Second},
				[]any{e.Provider, e.Model, e.Status, e.RequestID, e.RetryAfter})
			if tt.is != nil {
				assert.ErrorIs(t, e, tt.is)
			}
		})
	}
}

func TestErrorSaysOnlyAWordOfTheProvider(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"rate_limit_exceeded tokens":   "rate_limit_exceeded",
		"":                             "",
		"sk-1\nforged=line":            "",
		strings.Repeat("x", 129):       "",
		"Ünicode":                      "",
		"invalid_request_error prompt": "invalid_request_error",
	}
	for code, want := range tests {
		e := llm.NewExchange(t.Context(), info, nil, llm.Recorded{}).Error(code, "planted secret", nil)
		assert.Equal(t, want, e.Code)
		assert.NotContains(t, e.Error(), "planted")
		require.ErrorContains(t, e.Cause, "planted secret", "the message is kept for debugging")
		assert.NoError(t, e.Unwrap(), "the message is hidden from logs")
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"1", "0.5", "1e999", "-0", "NaN", "Fri, 01 Jan 2100 00:00:00 GMT"} {
		f.Add(value, "")
		f.Add("", value)
	}
	f.Fuzz(func(t *testing.T, seconds, milliseconds string) {
		d := llm.RetryAfter(http.Header{"Retry-After": {seconds}, "Retry-After-Ms": {milliseconds}})
		if d < 0 || d > time.Hour {
			t.Errorf("Retry-After %q, %q ms: %v", seconds, milliseconds, d)
		}
	})
}
