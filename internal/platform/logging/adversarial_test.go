package logging_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

type (
	panicError  struct{}
	panicString struct{}
	panicCyclic struct{}
	panicking   struct{ with any }
	panicValuer struct{}
	selfPointer *selfPointer
	locked      struct {
		sync.Mutex
		N int
	}
	secretKey struct{ User, Password string }
	nilInside struct {
		*Embedded
		error
		fmt.Stringer
		Any any
	}
)

func (panicError) Error() string         { panic("error") }
func (panicString) String() string       { panic(http.ErrAbortHandler) }
func (panicValuer) LogValue() slog.Value { panic("value") }
func (p panicking) String() string       { panic(p.with) }
func (panicCyclic) String() string {
	loop := map[string]any{}
	loop["loop"] = loop
	panic(loop)
}

// adverse is every kind of value that has cost some logger a line, or its process.
func adverse() map[string]any {
	var pointer selfPointer
	pointer = &pointer
	loop := &cycle{}
	loop.Next = loop
	self := recursive{}
	self["self"] = self
	list := []any{nil}
	list[0] = list
	var deep any = "leaf"
	for range 1000 {
		deep = []any{map[string]any{"d": deep}}
	}
	request := httptest.NewRequest(http.MethodPost, "/x?a=b", strings.NewReader("body"))
	var counter atomic.Int64
	counter.Store(7)
	var value atomic.Value
	value.Store("x")
	return map[string]any{
		"NaN": math.NaN(), "Inf": math.Inf(1), "float32 -Inf": float32(math.Inf(-1)), "NaN list": []float64{math.NaN(), 1},
		"NaN keys": map[float64]int{math.NaN(): 1, math.NaN(): 2, math.Inf(1): 3}, "smallest": math.SmallestNonzeroFloat64,
		"complex": complex(math.NaN(), math.Inf(1)), "complex64": complex64(1i), "minus zero": math.Copysign(0, -1),
		"channel": make(chan int), "nil channel": (chan int)(nil), "function": func() {}, "nil function": (func())(nil),
		"unsafe": unsafe.Pointer(loop), "uintptr": uintptr(1), "pointer to function": new(func()),
		"nil error": error((*nilError)(nil)), "nil Stringer": fmt.Stringer((*strings.Builder)(nil)), "panicking Error": panicError{},
		"pointer to panicking Error": &panicError{}, "panicking String": panicString{}, "panicking MarshalJSON": panics{},
		"panic of a cycle": panicCyclic{}, "panicking MarshalText": badText{}, "panicking key": map[badText]int{{}: 1},
		"panicking LogValue": panicValuer{}, "failing MarshalJSON": failing{}, "invalid MarshalJSON": lying{},
		"MarshalJSON of two": raw("1 2"), "MarshalJSON of none": raw(""), "MarshalJSON of lines": raw("[\n1,\n2\n]"),
		"self map": self, "self pointer": pointer, "self struct": loop, "self list": list, "deep": deep,
		"pointer to pointer": new(new(1)), "key pointers": map[*secretKey]int{{Password: "x"}: 1, nil: 2},
		"key structs": map[secretKey]int{{"u", "x"}: 1}, "key interfaces": map[any]any{nil: 1, 1.5: 2, [2]int{}: 3, errCause: 4},
		"megabyte": strings.Repeat("m", 1<<20), "megabyte of controls": strings.Repeat("\x00", 1<<20), "bytes": make([]byte, 1<<20),
		"megabyte of separators": strings.Repeat("=:-://_ JIz", 1<<20/11), "megabyte of quotes": strings.Repeat(`password="`, 1<<20/10),
		"10k elements": make([]int, 10_000), "10k structs": make([]locked, 10_000), "10k maps": make([]map[string]int, 10_000),
		"10k keys": manyKeys(10_000), "array": [10_000]any{}, "nothing of nothing": [1 << 20]struct{}{},
		"invalid UTF-8": "\xff\xfe\xc0\x80\xed\xa0\x80", "invalid key": map[string]int{"\xff": 1, "\xfe": 2, "\ufffd": 3},
		"controls": "\x00\x1b]0;title\x07\r\n\t\v\f\u0085\u2028\u2029\x7f", "bidi": "\u202etxt", "line break key": map[string]int{"a\nb": 1},
		"nil embedded": nilInside{}, "pointer to nil embedded": &nilInside{}, "nil any": nil, "nil pointer": (*cycle)(nil),
		"raw garbage": json.RawMessage("{]"), "raw nil": json.RawMessage(nil), "raw deep": json.RawMessage(strings.Repeat("[", 20_000)),
		"raw duplicate": json.RawMessage(`{"a":1,"a":2}`), "raw lines": json.RawMessage("{\n\"a\":\n1}"), "number": json.Number("x"),
		"request": request, "request value": *request, "empty request": &http.Request{}, "response": &http.Response{Request: request},
		"server": &http.Server{Handler: http.NotFoundHandler()}, "TLS": &tls.Config{}, "header": http.Header{"A": nil, "": {""}},
		"values": url.Values{"a": {"b"}}, "url": &url.URL{Host: "\x00"}, "nil url": (*url.URL)(nil), "cookie": &http.Cookie{},
		"big": new(big.Int).Exp(big.NewInt(10), big.NewInt(5000), nil), "big float": big.NewFloat(math.Inf(1)), "rat": big.NewRat(1, 3),
		"zero time": time.Time{}, "far time": time.Unix(math.MaxInt64/2, 0), "pointer to time": &time.Time{}, "timer": time.NewTimer(0),
		"least duration": time.Duration(math.MinInt64), "location": time.UTC, "month": time.Month(99),
		"atomic": &counter, "atomic copy": copyOf(&counter), "atomic value": &value, "atomic pointer": &atomic.Pointer[cycle]{},
		"mutex": &sync.Mutex{}, "mutex copy": copyOf(&locked{N: 1}), "once": &sync.Once{}, "sync map": &sync.Map{}, "pool": &sync.Pool{},
		"unexported": opaque{"hidden"}, "nothing": struct{}{}, "reflect": reflect.ValueOf(1), "zero reflect": reflect.Value{},
		"type": reflect.TypeFor[int](), "ctx": context.WithValue(context.Background(), ctxKey{}, 1), "file": os.Stdin,
		"buffer": bytes.NewBufferString("b"), "regexp": regexp.MustCompile("a"), "nil regexp": (*regexp.Regexp)(nil),
		"address": netip.Addr{}, "joined": errors.Join(panicError{}, errCause), "wrapped": fmt.Errorf("w: %w", panicError{}),
		"slog value": slog.GroupValue(slog.Int("a", 1)), "field": logging.Any("a", 1), "entry": logrus.NewEntry(logrus.New()),
	}
}

func manyKeys(n int) map[string]int {
	m := make(map[string]int, n)
	for i := range n {
		m[fmt.Sprint("key", i)] = i
	}
	return m
}

// copyOf copies what a linter would not let be copied, as careless callers do.
func copyOf[T any](p *T) any { return reflect.ValueOf(p).Elem().Interface() }

// Every value, in every way there is to log it, gives one line that can be read and has all the other fields.
func TestNoValueCostsALine(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*logrus.Logger, any){
		"a field": func(core *logrus.Logger, v any) {
			logging.New(core, "x").Info(t.Context(), "e", logging.Int("first", 1), logging.Any("v", v), logging.Int("last", 2))
		},
		"bound": func(core *logrus.Logger, v any) {
			logging.New(core, "x").Info(logging.Bind(t.Context(), logging.Int("first", 1), logging.Any("v", v)), "e",
				logging.Int("last", 2))
		},
		"in others": func(core *logrus.Logger, v any) {
			logging.New(core, "x").Info(t.Context(), "e", logging.Int("first", 1), logging.Any("v", map[string]any{
				"list": []any{v, &v, [1]any{v}}, "struct": struct{ Inner any }{v}}), logging.Int("last", 2))
		},
		"an ordinary entry": func(core *logrus.Logger, v any) {
			core.WithFields(logrus.Fields{"first": 1, "v": v, "last": 2}).Info("e")
		},
		"an error": func(core *logrus.Logger, v any) {
			err, ok := v.(error)
			if !ok {
				err = fmt.Errorf("%T", v)
			}
			core.WithError(err).WithField("first", 1).WithField("last", 2).Info("e")
			core.WithField("first", 1).WithField("last", 2).Info(textOf(v))
			logging.New(core, "x").Info(t.Context(), textOf(v), logging.Err(err), logging.Int("first", 1), logging.Int("last", 2))
		},
		"slog": func(core *logrus.Logger, v any) {
			slog.New(logging.SlogHandler(logging.New(core, "x"))).With("first", 1).Info("e", "v", v, "last", 2)
			slog.New(logging.SlogHandler(logging.New(core, "x"))).With("first", 1, "v", v).Info("e", slog.Int("last", 2))
		},
	}
	for name, value := range adverse() {
		for way, log := range ways {
			for _, format := range []string{"json", "console"} {
				for _, hooked := range []bool{false, true} {
					core, out := newCore(t, logging.Options{Format: format})
					if hooked {
						core.AddHook(hook{logrus.AllLevels, func(e *logrus.Entry) error { maps.Copy(e.Data, logrus.Fields{"h": 3}); return nil }})
					}
					assert.NotPanics(t, func() { log(core, value) }, "%s as %s", name, way)
					requireWhole(t, out, format, fmt.Sprintf("%s as %s, hooked %t", name, way, hooked))
				}
			}
		}
	}
}

// textOf returns v where it is a text, for an event.
func textOf(v any) string {
	s, ok := v.(string)
	if !ok {
		return "e"
	}
	return s
}

// requireWhole requires at least a line, and of each that it can be read and has the fields first and last.
func requireWhole(t *testing.T, out *record, format, what string) {
	t.Helper()
	text := out.text()
	require.NotEmpty(t, text, what)
	require.True(t, strings.HasSuffix(text, "\n"), what)
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len(line), 64<<10, what)
		if format == "console" {
			require.Contains(t, line, " first=1", what)
			require.Contains(t, line, " last=2", what)
			continue
		}
		var fields struct{ First, Last int }
		require.NoError(t, json.Unmarshal([]byte(line), &fields), what)
		require.Equal(t, 1, fields.First, what)
		require.Equal(t, 2, fields.Last, what)
	}
}
