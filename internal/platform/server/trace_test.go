package server_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
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
		"sampled":               {[]string{parent}, true},
		"not sampled":           {[]string{"00-" + traceID + "-" + spanID + "-00"}, true},
		"unknown flags":         {[]string{"00-" + traceID + "-" + spanID + "-ff"}, true},
		"space around":          {[]string{" \t" + parent + "\t "}, true},
		"later version":         {[]string{"01-" + traceID + "-" + spanID + "-01"}, true},
		"later, longer":         {[]string{"cc-" + traceID + "-" + spanID + "-01-what-the-future-will-be-like"}, true},
		"none":                  {nil, false},
		"empty":                 {[]string{""}, false},
		"two":                   {[]string{parent, parent}, false},
		"a list":                {[]string{parent + "," + parent}, false},
		"version 00, longer":    {[]string{parent + "-what"}, false},
		"version 00, one more":  {[]string{parent + "0"}, false},
		"version 00, dash":      {[]string{parent + "-"}, false},
		"later, no dash":        {[]string{"cc-" + traceID + "-" + spanID + "-01.what"}, false},
		"later, much too long":  {[]string{"cc-" + traceID + "-" + spanID + "-01-" + strings.Repeat("x", 512)}, false},
		"version ff":            {[]string{"ff-" + traceID + "-" + spanID + "-01"}, false},
		"version capitals":      {[]string{"CC-" + traceID + "-" + spanID + "-01"}, false},
		"version not hex":       {[]string{".0-" + traceID + "-" + spanID + "-01"}, false},
		"version too short":     {[]string{"0-" + traceID + "-" + spanID + "-01"}, false},
		"trace of zeros":        {[]string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, false},
		"trace capitals":        {[]string{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"}, false},
		"trace not hex":         {[]string{"00-" + strings.Repeat("g", 32) + "-" + spanID + "-01"}, false},
		"trace too short":       {[]string{"00-" + traceID[1:] + "-" + spanID + "-01"}, false},
		"trace too long":        {[]string{"00-0" + traceID + "-" + spanID + "-01"}, false},
		"parent of zeros":       {[]string{"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01"}, false},
		"parent capitals":       {[]string{"00-" + traceID + "-" + strings.ToUpper(spanID) + "-01"}, false},
		"parent too short":      {[]string{"00-" + traceID + "-" + spanID[1:] + "-01"}, false},
		"flags too short":       {[]string{"00-" + traceID + "-" + spanID + "-1"}, false},
		"flags not hex":         {[]string{"00-" + traceID + "-" + spanID + "-.1"}, false},
		"other separators":      {[]string{strings.ReplaceAll(parent, "-", "_")}, false},
		"a line break":          {[]string{parent[:54] + "\n"}, false},
		"a list with space":     {[]string{parent + " , " + parent}, false},
		"one of two is bad":     {[]string{parent, "bad"}, false},
		"a comma at the end":    {[]string{parent + ","}, false},
		"blank inside":          {[]string{strings.Replace(parent, "-", " -", 1)}, false},
		"other blanks around":   {[]string{"\u00a0" + parent}, false},
		"only the version":      {[]string{"00"}, false},
		"later, one dash":       {[]string{"01-" + traceID + "-" + spanID + "-01-"}, true},
		"later, trace of zeros": {[]string{"01-" + strings.Repeat("0", 32) + "-" + spanID + "-01-x"}, false},
		"parent not hex":        {[]string{"00-" + traceID + "-" + "xxxxxxxxxxxxxxxx" + "-01"}, false},
		"flags too long":        {[]string{"00-" + traceID + "-" + spanID + "-001"}, false},
		"capitals of the flags": {[]string{"00-" + traceID + "-" + spanID + "-0A"}, false},
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

// The random flag of level 2 is kept; reserved flags are not.
func TestTraceFlags(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]trace.TraceFlags{"00": 0, "01": 1, "02": 2, "03": 3, "fe": 2, "ff": 3, "fc": 0} {
		sc := server.RemoteSpan(http.Header{"Traceparent": {"00-" + traceID + "-" + spanID + "-" + flags}})
		assert.Equal(t, want, sc.TraceFlags(), flags)
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

func FuzzTraceparent(f *testing.F) {
	f.Add(parent)
	f.Add("cc-" + traceID + "-" + spanID + "-03-x")
	f.Add("cc-" + traceID + "-" + spanID + "-03-\n") // http.Server refuses it before
	form := regexp.MustCompile(`(?s)^[ \t]*[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?[ \t]*$`)
	f.Fuzz(func(t *testing.T, traceparent string) {
		sc := server.RemoteSpan(http.Header{"Traceparent": {traceparent}})
		if sc.IsValid() && (!form.MatchString(traceparent) || !strings.Contains(traceparent, sc.TraceID().String())) {
			t.Fatalf("%q is read as %v", traceparent, sc)
		}
	})
}
