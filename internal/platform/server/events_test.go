package server_test // part:notes part:llm file

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// stream returns a handler that runs fn with the events of its response.
func stream(fn func(ctx context.Context, e *server.Events) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		e, err := server.NewEvents(c)
		if err != nil {
			return err
		}
		defer e.Close()
		return fn(c.Request().Context(), e)
	}
}

// Each event arrives when it is sent, and the stream outlives the timeouts of the server.
func TestEventsArriveAtOnce(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.RequestTimeout, cfg.WriteTimeout, cfg.ReadTimeout = 20*time.Millisecond, 40*time.Millisecond, 40*time.Millisecond
	read := make(chan struct{})
	r := start(t, cfg, func(e *echo.Echo) {
		e.GET("/", stream(func(ctx context.Context, e *server.Events) error {
			for _, text := range []string{"one", "two\nlines"} {
				if err := e.Send("text", map[string]string{"text": text}); err != nil {
					return err
				}
				<-read
				time.Sleep(cfg.WriteTimeout) // the timeout that it has to outlive
			}
			return context.Cause(ctx)
		}))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/", nil)
	require.NoError(t, err)
	res, err := r.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	lines := bufio.NewScanner(res.Body)
	for _, want := range []string{`{"text":"one"}`, `{"text":"two\nlines"}`} {
		for _, line := range []string{"event: text", "data: " + want, ""} {
			require.True(t, lines.Scan())
			assert.Equal(t, line, lines.Text())
		}
		read <- struct{}{}
	}
	assert.False(t, lines.Scan())
	assert.NoError(t, lines.Err(), "the stream ends in order")
}

func TestErrorBeforeAndAfterTheFirstEvent(t *testing.T) {
	t.Parallel()
	e, logs := recorded(t)
	failure := errors.New(errors.CodeLLMTruncated, "").With("attempts", 3)
	e.GET("/before", stream(func(context.Context, *server.Events) error { return failure }))
	e.GET("/after", stream(func(_ context.Context, e *server.Events) error {
		assert.False(t, e.Began())
		assert.NoError(t, e.Send("text", 1))
		assert.True(t, e.Began())
		return failure
	}))
	w, _ := fetchLogged(t, e, logs, http.MethodGet, "/before")
	assert.Equal(t, http.StatusBadGateway, w.Code)
	before := problemOf(t, w)
	assert.Equal(t, "LLM_TRUNCATED", before.Code)

	w, line := fetchLogged(t, e, logs, http.MethodGet, "/after")
	assert.Equal(t, http.StatusOK, w.Code)
	data, ok := strings.CutPrefix(w.Body.String(), "event: text\ndata: 1\n\nevent: error\ndata: ")
	require.True(t, ok, w.Body)
	var after server.Problem
	require.NoError(t, json.Unmarshal([]byte(data), &after))
	assert.Equal(t, "/after", after.Instance)
	assert.Equal(t, w.Header().Get(echo.HeaderXCorrelationID), after.CorrelationID)
	after.Instance, after.CorrelationID, after.Timestamp = before.Instance, before.CorrelationID, before.Timestamp
	assert.Equal(t, before, after, "the same problem")
	assert.NotContains(t, line, "aborted")
	assert.Len(t, logs.events(t, "exception_raised"), 2, "each is logged once")
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := echo.New()
		e.GET("/", stream(func(_ context.Context, e *server.Events) error {
			time.Sleep(time.Minute) // no heartbeat is sent before the status is known
			assert.NoError(t, e.Send("a", 1))
			time.Sleep(12 * time.Second)
			return e.Send("b", 2)
		}))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		assert.Equal(t, "event: a\ndata: 1\n\n:\n\n:\n\nevent: b\ndata: 2\n\n", w.Body.String())
	})
}

// stuck is a connection whose client stops reading after some writes.
type stuck struct {
	*httptest.ResponseRecorder
	writes    int
	deadlines []time.Duration // of each write
}

func (s *stuck) SetReadDeadline(time.Time) error { return nil }

func (s *stuck) SetWriteDeadline(d time.Time) error {
	if !d.IsZero() {
		s.deadlines = append(s.deadlines, time.Until(d))
	}
	return nil
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.writes--; s.writes < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return s.ResponseRecorder.Write(p)
}

// A client that does not read ends the ctx of the request, also while the handler sends nothing.
func TestStuckClientEndsTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for writes := range 3 {
			e := echo.New()
			var reported []*errors.Error
			e.HTTPErrorHandler = server.ErrorHandler(func(_ context.Context, e *errors.Error) { reported = append(reported, e) })
			e.GET("/", stream(func(ctx context.Context, e *server.Events) error {
				if err := e.Send("a", 1); err != nil {
					assert.Error(t, ctx.Err())
					return err
				}
				<-ctx.Done() // by a heartbeat
				return e.Send("b", 2)
			}))
			w := &stuck{ResponseRecorder: httptest.NewRecorder(), writes: writes}
			e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			for _, deadline := range w.deadlines {
				assert.Equal(t, 15*time.Second, deadline)
			}
			assert.Len(t, w.deadlines, writes+1)
			require.Len(t, reported, 1)
			assert.Equal(t, errors.CodeClientClosedRequest, reported[0].Code)
			assert.NotContains(t, w.Body.String(), "event: error")
		}
	})
}

// What cannot be encoded must not end a stream as if it were complete.
func TestEventThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	e, logs := recorded(t)
	e.GET("/", stream(func(_ context.Context, e *server.Events) error {
		if err := e.Send("a", func() {}); err != nil {
			assert.False(t, e.Began())
		}
		assert.NoError(t, e.Send("a", 1))
		return errors.New(errors.CodeLLMTruncated, "").With("f", func() {})
	}))
	w, _ := fetchLogged(t, e, logs, http.MethodGet, "/")
	assert.Contains(t, w.Body.String(), "event: error\ndata: {")
	assert.Contains(t, w.Body.String(), "LLM_TRUNCATED", "without the details")
}
