package logging_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

type (
	panics    struct{ A int }
	failing   struct{}
	lying     struct{}
	raw       string
	nilError  struct{ text string }
	level     int
	opaque    struct{ hidden string }
	namedBool bool
	namedInt  int8
	namedUint uint8
	namedText string

	namedFloat float32
	parts      struct{ Name string }
	cycle      struct{ Next *cycle }
	textKey    struct{ n int }
	badText    struct{}
	recursive  map[string]any
	pointerTo  struct{ At *time.Time }
	withErr    struct{ Err error }
	byPointer  struct{ n int }
	holder     struct{ V byPointer }
	tagged     struct {
		Out      string `json:"-"`
		Dash     string `json:"-,"` //nolint:staticcheck // the rule that the test is about
		Empty    string `json:"empty,omitempty"`
		Zero     int    `json:"zero,omitzero"`
		Named    string `json:"named"`
		hidden   string
		*opaque  //nolint:unused // its hidden field must stay so
		parts    `json:"inner"`
		Embedded `json:"-"`
		*Gone
	}
	Embedded struct{ Leaked string }
	Clash    struct {
		EmbeddedB
		A string `json:"b"`
	}
	EmbeddedB struct {
		B string `json:"b"`
	}
	Gone struct{ Missing string }
)

func (panics) MarshalJSON() ([]byte, error) { panic("boom") }
func (failing) MarshalJSON() ([]byte, error) {
	return nil, errors.Sentinel("no JSON, password=hunter2")
}
func (lying) MarshalJSON() ([]byte, error)        { return []byte(`{"a":`), nil }
func (r raw) MarshalJSON() ([]byte, error)        { return []byte(r), nil }
func (e *nilError) Error() string                 { return e.text }
func (level) String() string                      { return "high" }
func (opaque) String() string                     { return "opaque" }
func (parts) String() string                      { return "not this" }
func (k textKey) MarshalText() ([]byte, error)    { return fmt.Append(nil, "key", k.n), nil }
func (badText) MarshalText() ([]byte, error)      { panic(errors.Sentinel("bad text")) }
func (p *byPointer) MarshalText() ([]byte, error) { return fmt.Append(nil, "p", p.n), nil }

func logged(t *testing.T, v any) any {
	t.Helper()
	log, out := newLogger(t)
	log.Info(context.Background(), "e", logging.Any("v", v))
	lines := out.lines(t)
	require.Len(t, lines, 1, "one event is one line")
	return lines[0]["v"]
}

func TestValues(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 89, time.FixedZone("CET", 3600))
	const noJSON = "!ERROR: json: error calling MarshalJSON for type logging_test."
	id := uuid.MustParse("0198c5a4-7a65-7c3e-9d2b-1f6e8a0b4c5d")
	var nilPointer *parts
	loop := &cycle{}
	loop.Next = loop
	self := recursive{}
	self["self"] = self
	for name, c := range map[string]struct{ value, want any }{
		"nil":         {nil, nil},
		"nil pointer": {nilPointer, nil},
		"nil map":     {map[string]int(nil), nil},
		"nil slice":   {[]int(nil), nil},
		"numbers": {[]any{int8(-1), uint16(2), float32(0.5), uintptr(3), 1e-9, 1e300, 4},
			[]any{-1.0, 2.0, 0.5, 3.0, 1e-9, 1e300, 4.0}},
		"named kinds":    {[]any{namedBool(true), namedInt(-1), namedUint(1), namedFloat(0.5), namedText("Bearer x")}, []any{true, -1.0, 1.0, 0.5, "Bearer [REDACTED]"}},
		"bools":          {[]any{true, level(1) == 2}, []any{true, false}},
		"complex":        {complex(1, 2), "!ERROR: a complex128 has no text"},
		"named":          {struct{ A http.ConnState }{http.StateIdle}, map[string]any{"A": "idle"}},
		"NaN":            {math.NaN(), "!ERROR: NaN is not a number in JSON"},
		"Inf":            {float32(math.Inf(-1)), "!ERROR: -Inf is not a number in JSON"},
		"channel":        {make(chan int), "!ERROR: a chan int has no text"},
		"func":           {func() {}, "!ERROR: a func() has no text"},
		"time":           {at, "2026-03-04T04:06:07.000000089Z"},
		"time in struct": {pointerTo{&at}, map[string]any{"At": "2026-03-04T04:06:07.000000089Z"}},
		"duration":       {[]time.Duration{1500 * time.Microsecond, -time.Second, 1001 * time.Microsecond}, []any{1.5, -1000.0, 1.001}},
		"id":             {id, id.String()},
		"address":        {netip.MustParseAddr("203.0.113.9"), "203.0.113.9"},
		"big number":     {big.NewInt(7), 7.0},
		"url":            {&url.URL{Scheme: "https", Host: "h", User: url.UserPassword("u", "hunter2")}, "https://u:[REDACTED]@h"},
		"url value":      {url.URL{Path: "/x"}, "/x"},
		"bytes":          {[]byte("text"), "text"},
		"binary":         {[]byte{0xff, 0xfe}, "//4="},
		"named bytes": {json.RawMessage(`{"a":[1,true,null,"x"],"password":{"b":1}}`),
			map[string]any{"a": []any{1.0, true, nil, "x"}, "password": "[REDACTED]"}},
		"hash":    {[4]byte{1, 2, 3, 4}, []any{1.0, 2.0, 3.0, 4.0}},
		"strings": {[]string{"a", "b=c"}, []any{"a", "b=c"}},
		"map": {map[any]any{1: "a", textKey{2}: "c", true: "d", nil: "e"},
			map[string]any{"1": "a", "key2": "c", "true": "d", "null": "e"}},
		"secret key":      {map[logging.Secret]int{"hunter2": 1}, map[string]any{"[REDACTED]": 1.0}},
		"named key":       {map[namedText]int{"a": 1}, map[string]any{"a": 1.0}},
		"error":           {errors.Sentinel("it broke"), "it broke"},
		"joined errors":   {errors.Join(errors.Sentinel("a"), errors.Sentinel("b")), "a\nb"},
		"error in struct": {withErr{errors.Sentinel("x")}, map[string]any{"Err": "x"}},
		"stringer":        {level(1), "high"},
		"opaque":          {opaque{"x"}, "opaque"},
		"parts":           {parts{"x"}, map[string]any{"Name": "x"}},
		"by pointer":      {&holder{byPointer{3}}, map[string]any{"V": "p3"}},
		"tags": {tagged{Out: "x", Named: "n", Dash: "d", hidden: "h"},
			map[string]any{"-": "d", "named": "n", "Gone": nil, "inner": map[string]any{"Name": ""}}},
		"clash":          {Clash{EmbeddedB{"inner"}, "outer"}, map[string]any{"b": "outer"}},
		"mutex-like":     {struct{ mu int }{1}, map[string]any{}},
		"interface":      {[]error{nil, errors.Sentinel("x")}, []any{nil, "x"}},
		"panic":          {panics{}, "!ERROR: panic: boom"},
		"panic in text":  {[]any{badText{}, 1}, []any{"!ERROR: panic: bad text", 1.0}},
		"failure":        {failing{}, noJSON + "failing: no JSON, password=[REDACTED]"},
		"bad JSON":       {lying{}, noJSON + "lying: unexpected end of JSON input"},
		"bad raw JSON":   {json.RawMessage("{} {}"), "!ERROR: json: error calling MarshalJSON for type json.RawMessage: invalid character '{' after top-level value"},
		"JSON number":    {raw("12345678901234567890"), 12345678901234567890.0},
		"endless number": {raw(strings.Repeat("1", 70)), strings.Repeat("1", 70)},
		"nil error":      {error((*nilError)(nil)), "!ERROR: panic: runtime error: invalid memory address or nil pointer dereference"},
		"invalid UTF-8":  {"a\xffb", "a\ufffdb"},
		"controls":       {"a\r\n\t\x00\x1b[31m\u0085\u2028\x7f\"\\b", "a\r\n\t\x00\x1b[31m\u0085\u2028\x7f\"\\b"},
	} {
		assert.Equal(t, c.want, logged(t, c.value), name)
	}
	for _, endless := range []any{loop, self, []any{map[string]any{"a": loop}}} {
		assert.Contains(t, fmt.Sprint(logged(t, endless)), "!TRUNCATED: too deep")
	}
}

func TestPanickingKeyAndRequest(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]any{"!ERROR: panic: bad text": 1.0}, logged(t, map[badText]int{{}: 1}))
	r := httptest.NewRequest(http.MethodGet, "http://h/x?access_token=hunter2&a=b", strings.NewReader("hunter2"))
	r.Header.Set("Authorization", "hunter2")
	assert.Equal(t, map[string]any{"method": "GET", "host": "h", "url": "http://h/x?access_token=[REDACTED]&a=b"}, logged(t, r))
	assert.Equal(t, map[string]any{"method": "", "host": "", "url": nil}, logged(t, &http.Request{}))
	assert.Equal(t, map[string]any{"Authorization": "[REDACTED]"}, logged(t, http.Header{"Authorization": {"hunter2"}}))
}

func TestTypedFields(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	log.Info(context.Background(), "e", logging.String("s", "x"), logging.Strings("ss", []string{"a"}), logging.Int("i", -1),
		logging.Int64("i64", math.MinInt64), logging.Any("u", uint64(math.MaxUint64)), logging.Float64("f", 1.5),
		logging.Float64("nan", math.NaN()), logging.Bool("b", true), logging.Duration("d_ms", 2*time.Second+time.Millisecond/4),
		logging.Any("t", at), logging.Err(nil), logging.Any("nil", nil), logging.Int("token", 7000))
	assert.Contains(t, out.text(), `"s":"x","ss":["a"],"i":-1,"i64":-9223372036854775808,"u":18446744073709551615,"f":1.5,`+
		`"nan":"!ERROR: NaN is not a number in JSON","b":true,"d_ms":2000.25,"t":"2026-03-04T05:06:07.000000008Z","error":null,`+
		`"nil":null,"token":"[REDACTED]"}`)
}

func TestControlsAreEscaped(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	log.Info(context.Background(), "a\r\nb", logging.String("k\n", "\x1b[31m\u0085\u2028\x7f"))
	assert.Equal(t, 1, strings.Count(out.text(), "\n"))
	assert.Contains(t, out.text(), `"event":"a\r\nb"`)
	assert.Contains(t, out.text(), `"k\n":"\u001b[31m\u0085\u2028\u007f"`)
}

// No line is longer than the limit, whatever it holds.
func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("\x01", 1<<20)
	many := make([]string, 20_000)
	object := map[string]string{}
	var wide any = "leaf"
	for i := range many {
		many[i] = "element"
		object[fmt.Sprint(i)] = "member"
	}
	for range 9 {
		wide = []any{wide, wide, wide, wide, wide, wide, wide, wide, wide, wide}
	}
	values := map[string]any{"text": huge, "bytes": []byte{0: 0xff, 1 << 20: 1}, "strings": many, "list": [][]string{many},
		"map": object, "wide": wide, "json": asJSON(t, object), "json list": asJSON(t, many),
		"deep json": json.RawMessage(strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat(`,"b":2}`, 50)),
		"error":     errors.Sentinel(huge), "array": [9000]byte{}, "big array": [100]byte{}, "struct": struct{ A, B, C, D, E, F, G string }{huge, huge, huge, huge, huge, huge, huge}}
	fields := make([]logging.Field, 0, 5000)
	for i := range 20 {
		fields = append(fields, logging.String(fmt.Sprint("long", i), huge))
	}
	for i := range 4980 {
		fields = append(fields, logging.String(fmt.Sprint("short", i), strings.Repeat("x", 90)))
	}
	ctx := logging.Bind(context.Background(), fields...)
	for limit, bytes := range map[int]int{0: 16_000, 4_000: 4_000, 20_000: 20_000, 64 << 10: 64 << 10} {
		core, out := newCore(t, logging.Options{LineLimit: limit, App: huge, Environment: huge})
		log := logging.New(core, huge)
		for name, v := range values {
			out.reset()
			log.Info(context.Background(), huge, logging.Any("v", v))
			assert.NotEmpty(t, out.last(t)["v"], name)
			assert.LessOrEqual(t, len(out.text()), bytes, name)
			out.reset()
			log.Info(ctx, huge, logging.Any("v", v))
			out.last(t)
			assert.LessOrEqual(t, len(out.text()), bytes, name)
		}
		out.reset()
		logging.New(core, "x").Info(ctx, "bound", fields...)
		line := out.last(t)
		assert.LessOrEqual(t, len(out.text()), bytes)
		assert.Greater(t, len(out.text()), bytes/2)
		assert.Equal(t, "!TRUNCATED: the line is full", line["long19"])
		assert.Greater(t, line["fields_dropped"], 4000.0)
	}
	for _, limit := range []int{-1, 1, 3_999, 64<<10 + 1} {
		_, err := logging.NewCore(logging.Options{LineLimit: limit})
		assert.ErrorContains(t, err, "between 4000 and 65536 bytes", limit)
	}
	log, out := newLogger(t)
	log.Info(context.Background(), "e", logging.Int(strings.Repeat("k", 200), 1), logging.Int(strings.Repeat("k", 201), 2))
	assert.InDelta(t, 2, out.last(t)[strings.Repeat("k", 128)+"…"], 0)
}

// A value that is too long for the line keeps its beginning.
func TestLongValuesKeepTheirFirstMembers(t *testing.T) {
	t.Parallel()
	type wide struct{ A, B, C, D, E, F, G string }
	text := strings.Repeat("x", 3000)
	keep := map[string]any{
		"struct":  wide{text, text, text, text, text, text, text},
		"pointer": &wide{text, text, text, text, text, text, text},
		"map":     map[string]string{"A": text, "B": text, "C": text, "D": text, "E": text, "F": text},
		"JSON":    asJSON(t, wide{text, text, text, text, text, text, text}),
	}
	for name, v := range keep {
		members := as[map[string]any](t, logged(t, v))
		assert.Equal(t, []any{text, text}, []any{members["A"], members["B"]}, name)
		assert.Contains(t, members, "!TRUNCATED", name)
		assert.NotContains(t, members, "F", name)
	}
	for name, v := range map[string]any{"list": []string{text, text, text, text, text, text}, "array": [6]string{text, text, text, text, text, text}} {
		elements := as[[]any](t, logged(t, v))
		assert.Equal(t, []any{text, text, "!TRUNCATED: 6 elements"}, []any{elements[0], elements[1], elements[len(elements)-1]}, name)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("event", "key", "value", []byte(`{"a":1}`))
	f.Add("\xff", "\ufffd", "0", []byte("0"))
	f.Add("\xff", "time", "postgres://u:p@h", []byte("["))
	f.Add("e", "self", "\u2028\x00", []byte("\xff\n{}"))
	core, out := newCore(f, logging.Options{App: "a"})
	log := logging.New(core, "x")
	console, plain := newCore(f, logging.Options{Format: "console"})
	f.Fuzz(func(t *testing.T, event, key, value string, data []byte) {
		out.reset()
		plain.reset()
		ctx := logging.Bind(context.Background(), logging.String(value, key))
		fields := []logging.Field{logging.String(key, value), logging.Any(event, json.RawMessage(data)), logging.Any("b", data),
			logging.Any("m", map[string]any{key: value, value: data})}
		log.Info(ctx, event, fields...)
		require.Len(t, out.lines(t), 1)
		require.Equal(t, 1, strings.Count(out.text(), "\n"))
		logging.New(console, value).Info(ctx, event, fields...)
		require.Equal(t, 1, strings.Count(plain.text(), "\n"))
		out.reset()
		core.WithContext(ctx).WithFields(logrus.Fields{key: value, value: data, "e": errors.Sentinel(event)}).Info(event)
		require.Len(t, out.lines(t), 1)
	})
}

// Types of the standard library hold secrets under names that do not say so.
func TestSecretsOfStandardTypesAreRedacted(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cookie := http.Cookie{Name: "sid", Value: "hunter2"}
	link := &url.URL{Scheme: "https", User: url.UserPassword("ann", "hunter2"), Host: "h"}
	for name, c := range map[string]struct{ value, want any }{
		"ed25519":            {edwards, "[REDACTED]"},
		"ecdsa":              {curve, "[REDACTED]"},
		"key in a struct":    {&struct{ K ecdsa.PrivateKey }{*curve}, map[string]any{"K": "[REDACTED]"}},
		"key in a list":      {[]any{edwards}, []any{"[REDACTED]"}},
		"PEM":                {&pem.Block{Type: "PRIVATE KEY", Bytes: edwards}, "[REDACTED]\n"},
		"PEM certificate":    {&pem.Block{Type: "CERTIFICATE"}, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
		"cookie":             {&cookie, "sid=[REDACTED]"},
		"cookie value":       {cookie, "sid=[REDACTED]"},
		"cookies":            {[]*http.Cookie{&cookie}, []any{"sid=[REDACTED]"}},
		"list of cookies":    {[]http.Cookie{cookie}, []any{"sid=[REDACTED]"}},
		"user":               {link.User, "ann:[REDACTED]"},
		"user, no password":  {url.User("ann"), "ann"},
		"user of a URL":      {link, "https://ann:[REDACTED]@h"},
		"URL in a struct":    {struct{ U *url.URL }{link}, map[string]any{"U": "https://ann:[REDACTED]@h"}},
		"key of a map":       {map[secretKey]int{{"ann", "hunter2"}: 1234}, map[string]any{`{"User":"ann","Password":"[REDACTED]"}`: "[REDACTED]"}},
		"key that points":    {map[*secretKey]int{{"ann", "hunter2"}: 1234}, map[string]any{`{"User":"ann","Password":"[REDACTED]"}`: "[REDACTED]"}},
		"key that is a list": {map[[2]string]int{{"a", "Bearer hunter2"}: 1234}, map[string]any{`["a","Bearer [REDACTED]"]`: "[REDACTED]"}},
		"form":               {url.Values{"access_token": {"hunter2"}, "page": {"2"}}, map[string]any{"access_token": "[REDACTED]", "page": []any{"2"}}},
		"headers":            {http.Header{"X-Api-Key": {"hunter2"}, "Via": {"Bearer hunter2"}}, map[string]any{"X-Api-Key": "[REDACTED]", "Via": []any{"Bearer [REDACTED]"}}},
	} {
		assert.Equal(t, c.want, logged(t, c.value), name)
	}
	assert.Equal(t, "!ERROR: panic: a map[string]interface {}", logged(t, panicCyclic{}))
	assert.Equal(t, "!ERROR: panic: a int", logged(t, panicking{7}))
	assert.Equal(t, "!ERROR: panic: text", logged(t, panicking{"text"}))
	assert.Equal(t, map[string]any{"password=[REDACTED]": "[REDACTED]"}, logged(t, map[error]int{errPassword: 1234}))

	log, out := newLogger(t)
	log.Info(logging.Bind(t.Context(), logging.Any("key", edwards)), "e", logging.Any("again", edwards))
	assert.Equal(t, []any{"[REDACTED]", "[REDACTED]"}, []any{out.last(t)["key"], out.last(t)["again"]})
}
