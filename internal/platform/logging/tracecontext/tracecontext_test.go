package tracecontext_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/logging/tracecontext"
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
		sc, ok := tracecontext.Parse(http.Header{"Traceparent": tt.headers})
		require.Equal(t, tt.ok, ok, name)
		require.Equal(t, tt.ok, sc.IsValid(), name)
		if tt.ok {
			assert.Equal(t, traceID, sc.TraceID().String(), name)
			assert.Equal(t, spanID, sc.SpanID().String(), name)
			assert.True(t, sc.IsRemote(), name)
			assert.Equal(t, name != "not sampled", sc.IsSampled(), name)
		}
	}
}

func TestTracestate(t *testing.T) {
	t.Parallel()
	longestTenant := strings.Repeat("t", 241) + "@" + strings.Repeat("v", 14) + "=1"
	const allOfKey = "abcdefghijklmnopqrstuvwxyz0123456789_-*/=1"
	allOfValue := "foo=" // all that can be seen and the blank, but for the comma and the equals sign
	for c := byte(' '); c <= '~'; c++ {
		if c != ',' && c != '=' {
			allOfValue += string(rune(c))
		}
	}
	members := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("k%d=1", i))
		}
		return strings.Join(list, ",")
	}
	for name, tt := range map[string]struct {
		headers []string
		want    string
	}{
		"none":            {nil, ""},
		"one":             {[]string{"foo=1"}, "foo=1"},
		"several":         {[]string{"foo=1,bar=2"}, "foo=1,bar=2"},
		"several headers": {[]string{"foo=1", "bar=2,baz=3"}, "foo=1,bar=2,baz=3"},
		"white space":     {[]string{" foo=1 \t,\t bar=2 "}, "foo=1,bar=2"},
		"empty members":   {[]string{"foo=1,,bar=2,", ""}, "foo=1,bar=2"},
		"of a tenant":     {[]string{"fw529a3039@dt=1"}, "fw529a3039@dt=1"},
		"space in value":  {[]string{"foo=a b"}, "foo=a b"},
		"32 members":      {[]string{members(32)}, members(32)},
		"33 members":      {[]string{members(33)}, ""},
		"33 in two":       {[]string{members(32), "z=1"}, ""},
		"duplicate":       {[]string{"foo=1,foo=1"}, ""},
		"duplicate apart": {[]string{"foo=1", "foo=2"}, ""},
		"no value":        {[]string{"foo"}, ""},
		"empty value":     {[]string{"foo="}, ""},
		"empty key":       {[]string{"=1"}, ""},
		"capital key":     {[]string{"Foo=1"}, ""},
		"space in key":    {[]string{"fo o=1"}, ""},
		"two equals":      {[]string{"foo=1=2"}, ""},
		"not ASCII":       {[]string{"foo=ä"}, ""},
		"512 bytes":       {[]string{"a=" + strings.Repeat("x", 250), "b=" + strings.Repeat("y", 256)}, "a=" + strings.Repeat("x", 250) + ",b=" + strings.Repeat("y", 256)},
		"too long":        {[]string{"a=" + strings.Repeat("x", 254), "b=" + strings.Repeat("y", 256)}, ""},
		"key too long":    {[]string{strings.Repeat("k", 257) + "=1"}, ""},
		"longest key":     {[]string{strings.Repeat("z", 256) + "=1"}, strings.Repeat("z", 256) + "=1"},
		"longest tenant":  {[]string{longestTenant}, longestTenant},
		"tenant too long": {[]string{strings.Repeat("t", 242) + "@v=1"}, ""},
		"system too long": {[]string{"t@" + strings.Repeat("v", 15) + "=1"}, ""},
		"longest value":   {[]string{"foo=" + strings.Repeat("v", 256)}, "foo=" + strings.Repeat("v", 256)},
		"value too long":  {[]string{"foo=" + strings.Repeat("v", 257)}, ""},
		"all of a key":    {[]string{allOfKey}, allOfKey},
		"all of a value":  {[]string{allOfValue}, allOfValue},
		"tenant digit":    {[]string{"0t@v=1"}, "0t@v=1"},
		"system digit":    {[]string{"t@0v=1"}, ""},
		"digit first":     {[]string{"0foo=1"}, ""},
		"mark first":      {[]string{"-foo=1"}, ""},
		"dot in key":      {[]string{"foo.bar=1"}, ""},
		"no system":       {[]string{"foo@=1,bar=2"}, ""},
		"no tenant":       {[]string{"@foo=1,bar=2"}, ""},
		"two at signs":    {[]string{"foo@@bar=1"}, ""},
		"three parts":     {[]string{"foo@bar@baz=1"}, ""},
		"blank after key": {[]string{"foo =1"}, ""},
		"blank in front":  {[]string{"foo= 1"}, "foo= 1"},
		"tab in value":    {[]string{"foo=a\tb"}, ""},
		"line break":      {[]string{"foo=a\nb"}, ""},
		"delete":          {[]string{"foo=a\x7f"}, ""},
		"semicolons":      {[]string{"foo=1;bar=2"}, ""},
		"one bad of many": {[]string{"foo=1,Bar=2,baz=3"}, ""},
		"bad header":      {[]string{"foo=1", "bar"}, ""},
		"only commas":     {[]string{",", " , ,"}, ""},
	} {
		sc, ok := tracecontext.Parse(http.Header{"Traceparent": {parent}, "Tracestate": tt.headers})
		require.True(t, ok, name)
		assert.Equal(t, tt.want, sc.TraceState().String(), name)
		assert.Equal(t, traceID, sc.TraceID().String(), "%s: a bad tracestate spoils nothing else", name)
	}
	sc, ok := tracecontext.Parse(http.Header{"Traceparent": {"bad"}, "Tracestate": {"foo=1"}})
	assert.False(t, ok)
	assert.Empty(t, sc.TraceState().String())
}

func TestMiddlewareAndInject(t *testing.T) {
	t.Parallel()
	e := echo.New()
	var seen trace.SpanContext
	out := http.Header{"Traceparent": {"old"}, "Tracestate": {"old=1"}, "Accept": {"*/*"}}
	e.Use(tracecontext.Middleware())
	e.GET("/", func(c echo.Context) error {
		seen = trace.SpanContextFromContext(c.Request().Context())
		tracecontext.Inject(c.Request().Context(), out)
		return nil
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("traceparent", parent)
	r.Header.Add("tracestate", "foo=1")
	e.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, traceID, seen.TraceID().String())
	assert.Equal(t, http.Header{"Traceparent": {parent}, "Tracestate": {"foo=1"}, "Accept": {"*/*"}}, out)
	assert.Equal(t, traceID, tracecontext.CorrelationID(r))

	ours := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	e.ServeHTTP(httptest.NewRecorder(), r.WithContext(trace.ContextWithSpanContext(t.Context(), ours)))
	assert.Equal(t, ours, seen, "a span that is there already stays")

	r.Header.Set("traceparent", "bad")
	e.ServeHTTP(httptest.NewRecorder(), r)
	assert.False(t, seen.IsValid())
	assert.Equal(t, http.Header{"Accept": {"*/*"}}, out, "no trace, no headers")
	assert.Empty(t, tracecontext.CorrelationID(r))
}

// The random flag of level 2 is handed on; flags that mean nothing yet are not.
func TestFlags(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{"00": "00", "01": "01", "02": "02", "03": "03", "fe": "02", "ff": "03", "fc": "00"} {
		sc, ok := tracecontext.Parse(http.Header{"Traceparent": {"00-" + traceID + "-" + spanID + "-" + flags}})
		require.True(t, ok, flags)
		h := http.Header{}
		tracecontext.Inject(trace.ContextWithSpanContext(t.Context(), sc), h)
		assert.Equal(t, "00-"+traceID+"-"+spanID+"-"+want, h.Get("traceparent"))
		assert.NotPanics(t, func() { tracecontext.Inject(trace.ContextWithSpanContext(t.Context(), sc), nil) })
	}
}

func FuzzParse(f *testing.F) {
	f.Add(parent, "foo=1,bar=2", "")
	f.Add("cc-"+traceID+"-"+spanID+"-03-x", " a=b ,", "c@d=e")
	f.Fuzz(func(t *testing.T, traceparent, one, two string) {
		sc, ok := tracecontext.Parse(http.Header{"Traceparent": {traceparent}, "Tracestate": {one, two}})
		if ok != sc.IsValid() {
			t.Fatal("what is taken is valid")
		}
		if !ok {
			return
		}
		h := http.Header{}
		tracecontext.Inject(trace.ContextWithSpanContext(context.Background(), sc), h)
		again, ok := tracecontext.Parse(h)
		if !ok || !again.Equal(sc) {
			t.Fatalf("%v comes back as %v", sc, again)
		}
	})
}
