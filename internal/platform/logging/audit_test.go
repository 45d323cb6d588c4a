package logging_test

import (
	"maps"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

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

func TestZeroLoggerIsZero(t *testing.T) {
	t.Parallel()
	log, _ := newLogger(t)
	assert.False(t, log.IsZero())
	assert.False(t, logging.For().IsZero())
	assert.True(t, logging.Logger{}.IsZero())
	assert.True(t, logging.Sensitive("db_password"))
	assert.False(t, logging.Sensitive("keyboard"))
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

	hooked, watched := newCore(t, logging.Options{})
	seen := logrus.Fields{}
	hooked.AddHook(hook{logrus.AllLevels, func(e *logrus.Entry) error { maps.Copy(seen, e.Data); return nil }})
	logging.New(hooked, "x").Info(ctx, "e")
	assert.Equal(t, sc.TraceID().String(), watched.last(t)["trace_id"])
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

// A level may change while others log. Run with -race, this is the proof.
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
			level, err := logging.ParseLevel(name)
			assert.NoError(t, err)
			core.SetLevel(level)
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
