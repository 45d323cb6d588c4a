package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
	parent  = "00-" + traceID + "-" + spanID + "-01"
)

func TestTraceparent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers []string
		ok      bool
	}{
		"sampled":        {[]string{parent}, true},
		"not sampled":    {[]string{"00-" + traceID + "-" + spanID + "-00"}, true},
		"random":         {[]string{"00-" + traceID + "-" + spanID + "-03"}, true},
		"later version":  {[]string{"cc-" + traceID + "-" + spanID + "-01-what-the-future-will-be-like"}, true},
		"none":           {nil, false},
		"empty":          {[]string{""}, false},
		"two":            {[]string{parent, parent}, false},
		"one of two":     {[]string{parent, "bad"}, false},
		"a list":         {[]string{parent + "," + parent}, false},
		"longer":         {[]string{parent + "-what"}, false},
		"version ff":     {[]string{"ff-" + traceID + "-" + spanID + "-01"}, false},
		"trace of zeros": {[]string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, false},
		"trace capitals": {[]string{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"}, false},
		"trace not hex":  {[]string{"00-" + strings.Repeat("g", 32) + "-" + spanID + "-01"}, false},
		"a line break":   {[]string{parent[:54] + "\n"}, false},
	} {
		sc := server.RemoteSpan(http.Header{"Traceparent": tt.headers})
		require.Equal(t, tt.ok, sc.IsValid(), name)
		if tt.ok {
			assert.Equal(t, traceID, sc.TraceID().String(), name)
			assert.Equal(t, spanID, sc.SpanID().String(), name)
			assert.True(t, sc.IsRemote(), name)
			assert.Equal(t, name != "not sampled", sc.IsSampled(), name)
		}
	}
}

func TestContextHasTheCallersSpan(t *testing.T) {
	t.Parallel()
	var seen trace.SpanContext
	serve := func(r *http.Request) (correlationID string) {
		w := respondTo(r, nil, func(c echo.Context) error {
			seen = trace.SpanContextFromContext(c.Request().Context())
			return c.NoContent(http.StatusNoContent)
		})
		return w.Header().Get(echo.HeaderXCorrelationID)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Traceparent", parent)
	assert.Equal(t, traceID, serve(r), "the trace id is the correlation id of a request without one")
	assert.Equal(t, traceID, seen.TraceID().String())
	assert.Equal(t, spanID, seen.SpanID().String())
	assert.True(t, seen.IsRemote())

	ours := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	serve(r.WithContext(trace.ContextWithSpanContext(t.Context(), ours)))
	assert.Equal(t, ours, seen, "a span of the service itself stays")

	r.Header.Set(echo.HeaderXCorrelationID, "of-the-client")
	assert.Equal(t, "of-the-client", serve(r), "the client's id comes before the trace id")
	assert.Equal(t, traceID, seen.TraceID().String())

	r.Header.Set("Traceparent", "bad")
	serve(r)
	assert.False(t, seen.IsValid())
}

func TestCorrelationIDIsKeptOrReplaced(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sent  string
		taken bool
	}{
		"valid":     {"aZ09._:-", true},
		"longest":   {strings.Repeat("a", 128), true},
		"absent":    {"", false},
		"too long":  {strings.Repeat("a", 129), false},
		"space":     {"a b", false},
		"new line":  {"a\nb", false},
		"not ASCII": {"é", false},
		"markup":    {"<script>", false},
	}
	for name, tt := range tests {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header[echo.HeaderXCorrelationID] = []string{tt.sent}
		var inCtx string
		w := respondTo(r, nil, func(c echo.Context) error {
			inCtx = errors.CorrelationID(c.Request().Context())
			return c.NoContent(http.StatusNoContent)
		})
		got := w.Header().Get(echo.HeaderXCorrelationID)
		assert.Equal(t, got, inCtx, name)
		if tt.taken {
			assert.Equal(t, tt.sent, got, name)
			continue
		}
		id, err := uuid.Parse(got)
		require.NoError(t, err, name)
		assert.Equal(t, uuid.Version(7), id.Version(), name)
	}
}

func TestRepeatedCorrelationIDIsReplaced(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header["X-Correlation-Id"] = []string{"one", "two"}
	w := respondTo(r, nil, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	assert.NotContains(t, []string{"one", "two"}, w.Header().Get(echo.HeaderXCorrelationID))
}

func FuzzCorrelationHeader(f *testing.F) {
	f.Add("aZ09._:-", "")
	f.Add("a b", parent)
	f.Add("x\r\nSet-Cookie: a=b", "\xff")
	f.Fuzz(func(t *testing.T, sent, traceparent string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["X-Correlation-Id"] = []string{sent}
		r.Header["Traceparent"] = []string{traceparent}
		w := respondTo(r, nil, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		got := w.Header().Values(echo.HeaderXCorrelationID)
		require.Len(t, got, 1)
		require.True(t, errors.ValidCorrelationID(got[0]))
		if span := server.RemoteSpan(r.Header); errors.ValidCorrelationID(sent) {
			require.Equal(t, sent, got[0])
		} else if span.IsValid() {
			require.Equal(t, span.TraceID().String(), got[0])
		}
	})
}
