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
	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestLineMembersAreInOrder(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	ctx := errors.WithCorrelationID(context.Background(), "id-1")
	ctx = logging.Bind(ctx, logging.String("tenant_id", "t-1"))
	log.Warn(ctx, "note_created", logging.Int("z", 1), logging.Bool("a", true))
	assert.Equal(t, []string{"time", "level", "event", "logger", "app", "environment", "correlation_id", "tenant_id", "z", "a"},
		keys(t, out.text()))
	line := out.last(t)
	at, err := time.Parse(time.RFC3339Nano, as[string](t, line["time"]))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), at, time.Minute)
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$`, line["time"])
	delete(line, "time")
	assert.Equal(t, map[string]any{"level": "warning", "event": "note_created", "logger": "app/notes", "app": "notes",
		"environment": "testing", "correlation_id": "id-1", "tenant_id": "t-1", "z": 1.0, "a": true}, line)
}

func TestLevels(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{Level: "DEBUG"})
	log := logging.New(core, "x")
	for level, write := range map[string]func(context.Context, string, ...logging.Field){
		"debug": log.Debug, "info": log.Info, "warning": log.Warn, "error": log.Error, "critical": log.Critical,
	} {
		write(context.Background(), "e")
		assert.Equal(t, level, out.last(t)["level"])
	}
	core.SetLevel(logrus.PanicLevel)
	before := out.text()
	log.Debug(t.Context(), "e")
	log.Info(t.Context(), "e")
	log.Warn(t.Context(), "e")
	log.Error(t.Context(), "e")
	log.Critical(t.Context(), "e")
	assert.Equal(t, before, out.text(), "a level that is off writes nothing")
	core.SetLevel(logrus.WarnLevel)
	assert.True(t, log.Enabled(logrus.WarnLevel))
	assert.False(t, log.Enabled(logrus.InfoLevel))
}

func TestNewCoreRejectsUnknownLevelsAndFormats(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]logrus.Level{"": logrus.InfoLevel, "Debug": logrus.DebugLevel, "INFO": logrus.InfoLevel,
		"warn": logrus.WarnLevel, "Warning": logrus.WarnLevel, "error": logrus.ErrorLevel, "CRITICAL": logrus.FatalLevel} {
		core, err := logging.NewCore(logging.Options{Level: name})
		require.NoError(t, err)
		assert.Equal(t, want, core.GetLevel(), name)
	}
	_, err := logging.NewCore(logging.Options{Level: "loud"})
	require.EqualError(t, err, "the log level must be debug, info, warning, error or critical")
	_, err = logging.NewCore(logging.Options{Format: "xml"})
	require.EqualError(t, err, "the log format must be json or console")
}

func TestLastFieldOfAKeyWins(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	ctx := errors.WithCorrelationID(context.Background(), "from-ctx")
	ctx = logging.Bind(ctx, logging.String("a", "first"), logging.String("b", "bound"), logging.Int("d", 1), logging.Int("d", 2))
	ctx = logging.Bind(ctx, logging.String("a", "second"))
	assert.Equal(t, ctx, logging.Bind(ctx), "nothing to bind")
	log.Info(ctx, "e", logging.String("b", "call"), logging.Int("c", 1), logging.Int("c", 2))
	line := out.last(t)
	assert.Equal(t, []any{"second", "call", 2.0, 2.0, "from-ctx"},
		[]any{line["a"], line["b"], line["c"], line["d"], line["correlation_id"]})
	log.Info(ctx, "e", logging.String("correlation_id", "call"))
	assert.Equal(t, "call", out.last(t)["correlation_id"])
	log.Info(logging.Bind(ctx, logging.String("correlation_id", "bound")), "e")
	assert.Equal(t, "bound", out.last(t)["correlation_id"])
	fields := make([]logging.Field, 0, 200)
	for i := range 200 {
		fields = append(fields, logging.Int(fmt.Sprint("k", i%100), i))
	}
	log.Info(ctx, "e", fields...)
	assert.InDelta(t, 199, out.last(t)["k99"], 0)
}

func TestReservedKeysGetAPrefix(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	ctx := logging.Bind(context.Background(), logging.String("event", "bound"))
	log.Info(ctx, "e", logging.Int("time", 1), logging.Int("level", 2), logging.Int("logger", 3), logging.Int("app", 4),
		logging.Int("environment", 5), logging.Int("fields.time", 6), logging.Int("", 7))
	line := out.last(t)
	assert.Equal(t, []any{"bound", 2.0, 3.0, 4.0, 5.0, 6.0, 7.0}, []any{line["fields.event"], line["fields.level"],
		line["fields.logger"], line["fields.app"], line["fields.environment"], line["fields.time"], line[""]})
	assert.Equal(t, "e", line["event"])
}

func TestBoundFieldsAreASnapshot(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	list := []int{1, 2}
	ctx := logging.Bind(context.Background(), logging.Any("list", list), logging.String("password", "hunter2"))
	list[0] = 9
	log.Info(ctx, "e")
	assert.Equal(t, []any{1.0, 2.0}, out.last(t)["list"])
	assert.Equal(t, "[REDACTED]", out.last(t)["password"])
}

func TestLoggersFollowTheDefaultCore(t *testing.T) { // not parallel: the default is the program's
	log := logging.For()
	first, out1 := newCore(t, logging.Options{App: "one"})
	second, out2 := newCore(t, logging.Options{App: "two"})
	t.Cleanup(func() { logging.SetDefault(nil) })
	logging.SetDefault(first)
	log.Info(t.Context(), "e")
	logging.SetDefault(second)
	log.Info(t.Context(), "e")
	logging.Logger{}.Info(nil, "zero") //nolint:staticcheck // a nil ctx must not panic
	assert.Equal(t, "one", out1.last(t)["app"])
	assert.Equal(t, "platform/logging", out2.lines(t)[0]["logger"])
	assert.Equal(t, "default", out2.last(t)["logger"])
	second.SetLevel(logrus.ErrorLevel)
	assert.False(t, log.Enabled(logrus.InfoLevel), "the level can change while the program runs")
	logging.SetDefault(nil)
	assert.True(t, log.Enabled(logrus.InfoLevel))
	assert.False(t, log.Enabled(logrus.DebugLevel))
	log.Debug(logging.Bind(nil, logging.Int("a", 1)), "e") //nolint:staticcheck // a nil ctx must not panic
}

// slow writes a byte at a time, so that lines that are not serialized would mix.
type slow struct{ bytes.Buffer }

func (s *slow) Write(p []byte) (int, error) {
	for _, c := range p {
		s.WriteByte(c)
	}
	return len(p), nil
}

func TestConcurrentLinesStayWhole(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 200
	var buf slow
	core, err := logging.NewCore(logging.Options{Output: &buf})
	require.NoError(t, err)
	log := logging.New(core, "x")
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			ctx := logging.Bind(context.Background(), logging.Int("writer", w))
			for n := range each {
				log.Info(ctx, "e", logging.Int("n", n), logging.String("s", strings.Repeat("x", n)))
				core.WithField("n", n).WithContext(ctx).Info("ordinary")
			}
		})
	}
	wg.Wait()
	r := &record{}
	_, _ = r.Write(buf.Bytes())
	count := map[float64]int{}
	for _, line := range r.lines(t) {
		count[as[float64](t, line["writer"])]++
		if s, ok := line["s"].(string); ok {
			assert.Len(t, s, int(as[float64](t, line["n"])))
		}
	}
	assert.Len(t, count, writers)
	for w, n := range count {
		assert.Equal(t, 2*each, n, "writer %v", w)
	}
}

func TestAuditLines(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	fields := make([]logging.Field, 1, 8)
	fields[0] = logging.String("reason", "expired")
	log.Audit(t.Context(), "token_issued", fields...)
	assert.Equal(t, "info", out.last(t)["level"])
	log.AuditWarn(t.Context(), "token_rejected", fields...)
	line := out.last(t)
	assert.Equal(t, "warning", line["level"])
	assert.Equal(t, true, line["audit"])
	assert.Equal(t, "expired", line["reason"])
}

// A hook does not change the line, even one with fields for which there is no room.
func TestHooksKeepTheCountOfDroppedFields(t *testing.T) {
	t.Parallel()
	fields := make([]logging.Field, 1000)
	for i := range fields {
		fields[i] = logging.Int(fmt.Sprintf("n%04d", i), i)
	}
	for _, format := range []string{"json", "console"} {
		var seen any
		plain, out := newCore(t, logging.Options{Format: format, LineLimit: 4000})
		hooked, hookedOut := newCore(t, logging.Options{Format: format, LineLimit: 4000, Hooks: []logrus.Hook{
			hook{logrus.AllLevels, func(e *logrus.Entry) error { seen = e.Data["fields_dropped"]; return nil }},
		}})
		ctx := logging.Bind(t.Context(), logging.String("bound", "b"))
		logging.New(plain, "x").Info(ctx, "e", fields...)
		logging.New(hooked, "x").Info(ctx, "e", fields...)
		_, want, _ := strings.Cut(out.text(), "bound")
		_, got, _ := strings.Cut(hookedOut.text(), "bound")
		assert.Contains(t, want, "fields_dropped")
		assert.Equal(t, want, got)
		assert.NotNil(t, seen)
	}
}

func TestTraceIDs(t *testing.T) {
	t.Parallel()
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab, 1}, SpanID: trace.SpanID{0xcd, 2}})
	ctx := trace.ContextWithSpanContext(t.Context(), sc)
	log, out := newLogger(t)
	log.Info(ctx, "e")
	assert.Equal(t, sc.TraceID().String(), out.last(t)["trace_id"])
	assert.Equal(t, sc.SpanID().String(), out.last(t)["span_id"])
	log.Info(ctx, "e", logging.String("trace_id", "mine"))
	assert.Equal(t, "mine", out.last(t)["trace_id"], "a field of the call replaces it")
	assert.Equal(t, sc.SpanID().String(), out.last(t)["span_id"])
	log.Info(logging.Bind(ctx, logging.String("span_id", "bound")), "e")
	assert.Equal(t, "bound", out.last(t)["span_id"])
	log.Info(trace.ContextWithSpanContext(t.Context(), trace.SpanContext{}), "e")
	assert.NotContains(t, out.last(t), "trace_id")

	core, plain := newCore(t, logging.Options{Format: "console"})
	logging.New(core, "x").Info(ctx, "e")
	assert.Contains(t, plain.text(), "trace_id="+sc.TraceID().String())

	seen := logrus.Fields{}
	hooked, hookedOut := newCore(t, logging.Options{Hooks: []logrus.Hook{
		hook{logrus.AllLevels, func(e *logrus.Entry) error { maps.Copy(seen, e.Data); return nil }},
	}})
	logging.New(hooked, "x").Info(ctx, "e")
	assert.Equal(t, sc.TraceID().String(), hookedOut.last(t)["trace_id"])
	assert.Equal(t, sc.SpanID().String(), seen["span_id"])
}

func TestTraceIDsAreNotRepeated(t *testing.T) {
	t.Parallel()
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab, 1}, SpanID: trace.SpanID{0xcd, 2}})
	ctx := errors.WithCorrelationID(trace.ContextWithRemoteSpanContext(t.Context(), sc), "id-1")
	ctx = logging.Bind(ctx, logging.Int("bound", 1), logging.String("trace_id", "bound"))
	log, out := newLogger(t)
	log.Info(ctx, "e", logging.String("span_id", "mine"), logging.Int("n", 1))
	assert.Equal(t, []string{"time", "level", "event", "logger", "app", "environment", "correlation_id", "bound", "trace_id",
		"span_id", "n"}, keys(t, out.text()))
	core, plain := newCore(t, logging.Options{})
	core.WithContext(ctx).WithField("span_id", "mine").Info("e")
	line := plain.last(t)
	assert.Equal(t, []any{"bound", "mine"}, []any{line["trace_id"], line["span_id"]})
	requireUniqueKeys(t, plain.text())
}

func TestTraceIDsAllocateNothing(t *testing.T) { // not parallel: it counts allocations
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab, 1}, SpanID: trace.SpanID{0xcd, 2}})
	log, ctx := discard(t), t.Context()
	traced := trace.ContextWithSpanContext(ctx, sc)
	without := testing.AllocsPerRun(1000, func() { tenFields(ctx, log) })
	with := testing.AllocsPerRun(1000, func() { tenFields(traced, log) })
	assert.LessOrEqual(t, with, max(without, maxAllocs))
}

// Meant for -race.
func TestLevelChangesWhileOthersLog(t *testing.T) { // not parallel: it changes the default core
	core, out := newCore(t, logging.Options{})
	logging.SetDefault(core)
	defer logging.SetDefault(nil)
	log := logging.For()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				log.Debug(t.Context(), "sometimes")
				log.Error(t.Context(), "always")
			}
		})
	}
	for range 100 {
		for _, name := range []string{"debug", "warning", "error"} {
			assert.NoError(t, logging.SetLevel(name))
		}
	}
	all.Wait()
	always := 0
	for _, line := range out.lines(t) {
		if line["event"] == "always" {
			always++
		}
	}
	assert.Equal(t, 800, always)
}

//nolint:paralleltest // it changes the default core
func TestSetLevel(t *testing.T) {
	core, out := newCore(t, logging.Options{})
	logging.SetDefault(core)
	defer logging.SetDefault(nil)
	log := logging.For()
	log.Debug(t.Context(), "before")
	require.NoError(t, logging.SetLevel("DEBUG"))
	log.Debug(t.Context(), "while")
	require.Error(t, logging.SetLevel("loud"))
	require.NoError(t, logging.SetLevel("info"))
	log.Debug(t.Context(), "after")
	require.Len(t, out.lines(t), 1)
	assert.Equal(t, "while", out.last(t)["event"])
}

// hook is a hook made of a function.
type hook struct {
	levels []logrus.Level
	fire   func(*logrus.Entry) error
}

func (h hook) Levels() []logrus.Level     { return h.levels }
func (h hook) Fire(e *logrus.Entry) error { return h.fire(e) }

var (
	errCause    = errors.Sentinel("password=hunter2 refused")
	errPassword = errors.Sentinel("password=hunter2")
)

func TestHooksSeeTheFields(t *testing.T) {
	t.Parallel()
	var seen *logrus.Entry
	core, out := newCore(t, logging.Options{Level: "debug", Hooks: []logrus.Hook{hook{[]logrus.Level{logrus.ErrorLevel}, func(e *logrus.Entry) error {
		seen = e
		assert.Equal(t, "v", e.Context.Value(ctxKey{}), "the entry's ctx is the caller's")
		e.Data["added"] = "by hook"
		e.Data["n"] = 8
		delete(e.Data, "gone")
		return nil
	}}}})
	log := logging.New(core, "app/notes")
	ctx := context.WithValue(errors.WithCorrelationID(context.Background(), "id-1"), ctxKey{}, "v")
	ctx = logging.Bind(ctx, logging.String("tenant_id", "t-1"))
	log.Error(ctx, "e", logging.Int("n", 7), logging.Err(errCause), logging.String("token", "hunter2"), logging.Int("gone", 1),
		logging.String("text", "Bearer hunter2"), logging.Any("map", map[string]any{"pwd": "hunter2"}), logging.Int("level", 3),
		logging.Duration("d", 1500*time.Microsecond), logging.Bool("b", true), logging.Float64("f", 1.5), logging.Any("u", uint64(math.MaxUint64)), logging.Int64("i", math.MaxInt64))
	require.NotNil(t, seen)
	assert.Equal(t, "e", seen.Message)
	assert.Equal(t, "password=[REDACTED] refused", seen.Data["error"], "not the error, which has the secret")
	assert.Equal(t, []any{"id-1", "t-1", "[REDACTED]", "Bearer [REDACTED]", "app/notes", json.Number("1.5")},
		[]any{seen.Data["correlation_id"], seen.Data["tenant_id"], seen.Data["token"], seen.Data["text"],
			seen.Data["logger"], seen.Data["d"]})
	assert.Equal(t, map[string]any{"pwd": "[REDACTED]"}, seen.Data["map"])
	assert.Contains(t, out.text(), `"u":18446744073709551615,"i":9223372036854775807`)

	line := out.last(t)
	assert.Equal(t, []string{"time", "level", "event", "logger", "app", "environment", "correlation_id", "tenant_id", "n",
		"error", "token", "text", "map", "fields.level", "d", "b", "f", "u", "i", "added"}, keys(t, out.text()))
	assert.Equal(t, []any{8.0, "by hook", "app/notes", "password=[REDACTED] refused", map[string]any{"pwd": "[REDACTED]"}},
		[]any{line["n"], line["added"], line["logger"], line["error"], line["map"]})

	seen = nil
	log.Info(ctx, "other level")
	assert.Nil(t, seen)
	assert.Equal(t, "other level", out.last(t)["event"])
}

// A hook sees bound values as they were bound, and a line that no hook changes is the same as
// without hooks.
func TestHooksLeaveLinesUnchanged(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, hooks := range [][]logrus.Hook{nil, {hook{logrus.AllLevels, func(*logrus.Entry) error { return nil }}}} {
		core, out := newCore(t, logging.Options{App: "a", Hooks: hooks, LineLimit: 64 << 10})
		list := []int{1, 2}
		ctx := logging.Bind(t.Context(), logging.Any("list", list), logging.Err(errCause), logging.String("password", "x"))
		list[0] = 9
		logging.New(core, "x").Info(ctx, "e", logging.String("long", strings.Repeat("a\n", 99)), logging.Any("bytes", make([]byte, 18<<10)),
			logging.Any("binary", bytes.Repeat([]byte{0xff}, 100)), logging.Float64("nan", math.NaN()), logging.Float64("f", 1e300),
			logging.Any("nested", map[string]any{"n": uint64(math.MaxUint64), "long": strings.Repeat("x", 18<<10)}))
		_, rest, _ := strings.Cut(out.text(), `Z",`)
		assert.Contains(t, rest, `"list":[1,2],"error":"password=[REDACTED] refused","password":"[REDACTED]","long"`)
		texts = append(texts, rest)
	}
	assert.Equal(t, texts[0], texts[1])
}

type ctxKey struct{}

func TestHooksMayLogTheirEntry(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{Hooks: []logrus.Hook{hook{[]logrus.Level{logrus.ErrorLevel}, func(e *logrus.Entry) error {
		e.WithField("copy", true).Info(e.Message)
		return nil
	}}}})
	logging.New(core, "x").Error(context.Background(), "e", logging.Int("n", 1))
	lines := out.lines(t)
	require.Len(t, lines, 2)
	assert.Equal(t, true, lines[0]["copy"])
	assert.InDelta(t, 1, lines[0]["n"], 0)
	assert.InDelta(t, 1, lines[1]["n"], 0)
}

func TestFailureOfHookIsLogged(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{Hooks: []logrus.Hook{hook{logrus.AllLevels, func(*logrus.Entry) error { return errCause }}}})
	logging.New(core, "x").Info(t.Context(), "e")
	assert.Equal(t, "password=[REDACTED] refused", out.last(t)["hook_error"])
	core, out = newCore(t, logging.Options{Hooks: []logrus.Hook{hook{logrus.AllLevels, func(*logrus.Entry) error { panic("boom") }}}})
	assert.NotPanics(t, func() { logging.New(core, "x").Info(context.Background(), "e", logging.Int("n", 1)) })
	line := out.last(t)
	assert.Equal(t, []any{"e", "x", 1.0, "panic: boom"}, []any{line["event"], line["logger"], line["n"], line["hook_error"]})
}

func TestLogrusEntries(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{App: "a", Level: "debug"})
	ctx := logging.Bind(errors.WithCorrelationID(context.Background(), "id-1"), logging.Int("n", 1), logging.Int("m", 1))
	core.WithContext(ctx).WithError(errCause).WithFields(logrus.Fields{"z": make(chan int), "m": 2, "level": "x", "api_key": "hunter2",
		"b": (*nilError)(nil), "r": panics{}}).Warnf("dial postgres://u:%s@h", "hunter2")
	assert.NotContains(t, out.text(), "hunter2")
	assert.Equal(t, []string{"time", "level", "event", "logger", "app", "environment", "correlation_id", "n", "api_key", "b",
		"error", "fields.level", "m", "r", "z"}, keys(t, out.text()))
	line := out.last(t)
	assert.Equal(t, []any{"warning", "dial postgres://u:[REDACTED]@h", "logrus", "password=[REDACTED] refused", 2.0, "id-1"},
		[]any{line["level"], line["event"], line["logger"], line["error"], line["m"], line["correlation_id"]})
	core.SetLevel(logrus.TraceLevel)
	core.Trace("t")
	assert.Equal(t, "debug", out.last(t)["level"])
	core.Fatal("f")
	assert.Equal(t, []any{"critical", "f"}, []any{out.last(t)["level"], out.last(t)["event"]}, "without ending the process")
	text, err := core.WithField("k", 1).String()
	require.NoError(t, err)
	assert.Contains(t, text, `"k":1`)
	assert.Panics(t, func() { core.Panic("p") }, "as the caller asked")
	assert.Equal(t, "critical", out.last(t)["level"])
}

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

// adverse returns values that make some logger lose a line or end the process.
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

// copyOf copies values that go vet would reject, such as locks.
func copyOf[T any](p *T) any { return reflect.ValueOf(p).Elem().Interface() }

// Every value, however it is logged, gives one readable line with all the other fields.
func TestEveryValueGivesOneReadableLine(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*logging.Core, any){
		"a field": func(core *logging.Core, v any) {
			logging.New(core, "x").Info(t.Context(), "e", logging.Int("first", 1), logging.Any("v", v), logging.Int("last", 2))
		},
		"bound": func(core *logging.Core, v any) {
			logging.New(core, "x").Info(logging.Bind(t.Context(), logging.Int("first", 1), logging.Any("v", v)), "e",
				logging.Int("last", 2))
		},
		"in others": func(core *logging.Core, v any) {
			logging.New(core, "x").Info(t.Context(), "e", logging.Int("first", 1), logging.Any("v", map[string]any{
				"list": []any{v, &v, [1]any{v}}, "struct": struct{ Inner any }{v}}), logging.Int("last", 2))
		},
		"a logrus entry": func(core *logging.Core, v any) {
			core.WithFields(logrus.Fields{"first": 1, "v": v, "last": 2}).Info("e")
		},
		"an error": func(core *logging.Core, v any) {
			err, ok := v.(error)
			if !ok {
				err = fmt.Errorf("%T", v)
			}
			core.WithError(err).WithField("first", 1).WithField("last", 2).Info("e")
			core.WithField("first", 1).WithField("last", 2).Info(textOf(v))
			logging.New(core, "x").Info(t.Context(), textOf(v), logging.Err(err), logging.Int("first", 1), logging.Int("last", 2))
		},
		"slog": func(core *logging.Core, v any) {
			slog.New(logging.SlogHandler(logging.New(core, "x"))).With("first", 1).Info("e", "v", v, "last", 2)
			slog.New(logging.SlogHandler(logging.New(core, "x"))).With("first", 1, "v", v).Info("e", slog.Int("last", 2))
		},
	}
	for name, value := range adverse() {
		for way, log := range ways {
			for _, format := range []string{"json", "console"} {
				for _, hooked := range []bool{false, true} {
					options := logging.Options{Format: format}
					if hooked {
						options.Hooks = []logrus.Hook{hook{logrus.AllLevels, func(e *logrus.Entry) error { maps.Copy(e.Data, logrus.Fields{"h": 3}); return nil }}}
					}
					core, out := newCore(t, options)
					assert.NotPanics(t, func() { log(core, value) }, "%s as %s", name, way)
					requireWhole(t, out, format, fmt.Sprintf("%s as %s, hooked %t", name, way, hooked))
				}
			}
		}
	}
}

// textOf returns v if it is a string, as an event.
func textOf(v any) string {
	s, ok := v.(string)
	if !ok {
		return "e"
	}
	return s
}

// requireWhole requires at least one line, each readable and with the fields first and last.
func requireWhole(t *testing.T, out *record, format, what string) {
	t.Helper()
	text := out.text()
	require.NotEmpty(t, text, what)
	require.True(t, strings.HasSuffix(text, "\n"), what)
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len(line), 16_000, what)
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
