package logging_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

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
	core, out := newCore(t, logging.Options{Level: "debug"})
	var seen *logrus.Entry
	core.AddHook(hook{[]logrus.Level{logrus.ErrorLevel}, func(e *logrus.Entry) error {
		seen = e
		assert.Equal(t, "v", e.Context.Value(ctxKey{}), "the entry's ctx is the caller's")
		e.Data["added"] = "by hook"
		e.Data["n"] = 8
		delete(e.Data, "gone")
		return nil
	}})
	log := logging.New(core, "app/notes")
	ctx := context.WithValue(errors.WithCorrelationID(context.Background(), "id-1"), ctxKey{}, "v")
	ctx = logging.Bind(ctx, logging.String("tenant_id", "t-1"))
	log.Error(ctx, "e", logging.Int("n", 7), logging.Err(errCause), logging.String("token", "hunter2"), logging.Int("gone", 1),
		logging.String("text", "Bearer hunter2"), logging.Any("map", map[string]any{"pwd": "hunter2"}), logging.Int("level", 3),
		logging.Duration("d", 1500*time.Microsecond), logging.Bool("b", true), logging.Float64("f", 1.5), logging.Uint64("u", 9))
	require.NotNil(t, seen)
	assert.Equal(t, "e", seen.Message)
	require.ErrorIs(t, as[error](t, seen.Data["error"]), errCause)
	assert.EqualError(t, as[error](t, seen.Data["error"]), "password=[REDACTED] refused")
	assert.Equal(t, []any{"id-1", "t-1", "[REDACTED]", "Bearer [REDACTED]", "app/notes", 1.5},
		[]any{seen.Data["correlation_id"], seen.Data["tenant_id"], seen.Data["token"], seen.Data["text"],
			seen.Data["logger"], seen.Data["d"]})
	assert.JSONEq(t, `{"pwd":"[REDACTED]"}`, as[fmt.Stringer](t, seen.Data["map"]).String())

	line := out.last(t)
	assert.Equal(t, []string{"time", "level", "event", "logger", "app", "environment", "correlation_id", "tenant_id", "n",
		"error", "token", "text", "map", "fields.level", "d", "b", "f", "u", "added"}, keys(t, out.text()))
	assert.Equal(t, []any{8.0, "by hook", "app/notes", "password=[REDACTED] refused", map[string]any{"pwd": "[REDACTED]"}},
		[]any{line["n"], line["added"], line["logger"], line["error"], line["map"]})

	seen = nil
	log.Info(ctx, "other level")
	assert.Nil(t, seen)
	assert.Equal(t, "other level", out.last(t)["event"])
}

type ctxKey struct{}

func TestHooksMayLogWhatTheyWereGiven(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{})
	core.AddHook(hook{[]logrus.Level{logrus.ErrorLevel}, func(e *logrus.Entry) error {
		e.WithField("copy", true).Info(e.Message)
		return nil
	}})
	logging.New(core, "x").Error(context.Background(), "e", logging.Int("n", 1))
	lines := out.lines(t)
	require.Len(t, lines, 2)
	assert.Equal(t, true, lines[0]["copy"])
	assert.InDelta(t, 1, lines[0]["n"], 0)
	assert.InDelta(t, 1, lines[1]["n"], 0)
}

func TestHookThatPanicsCostsNoLine(t *testing.T) { // not parallel: it looks at standard error
	stderr := &record{}
	logging.SetFallbackOutput(stderr)
	t.Cleanup(func() { logging.SetFallbackOutput(os.Stderr) })
	core, _ := newCore(t, logging.Options{})
	core.AddHook(hook{logrus.AllLevels, func(*logrus.Entry) error { panic("boom") }})
	assert.NotPanics(t, func() { logging.New(core, "x").Info(context.Background(), "e", logging.Int("n", 1)) })
	line := stderr.last(t)
	assert.Equal(t, []any{"e", "x", 1.0, "panic: boom"}, []any{line["event"], line["logger"], line["n"], line["log_panic"]})
}

func TestHooksMayBeAddedAnyTime(t *testing.T) {
	t.Parallel()
	core, _ := newCore(t, logging.Options{})
	log := logging.New(core, "x")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			log.Info(context.Background(), "e", logging.Int("n", 1))
		}
	}()
	for range 10 {
		core.AddHook(hook{logrus.AllLevels, func(*logrus.Entry) error { return nil }})
	}
	<-done
}

func TestForeignFormattersGetTheFields(t *testing.T) {
	t.Parallel()
	core := logrus.New()
	out := &record{}
	core.SetOutput(out)
	core.SetFormatter(new(logrus.JSONFormatter))
	logging.New(core, "x").Info(context.Background(), "e", logging.Float64("f", 1), logging.Any("m", map[string]int{"a": 1}),
		logging.Err((error)((*nilError)(nil))))
	line := out.last(t)
	assert.Equal(t, []any{"e", 1.0, map[string]any{"a": 1.0}, "x"}, []any{line["msg"], line["f"], line["m"], line["logger"]})
	assert.Contains(t, line["error"], "!ERROR: panic")
}

func TestOrdinaryEntries(t *testing.T) {
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
	assert.Equal(t, []any{"critical", "f"}, []any{out.last(t)["level"], out.last(t)["event"]}, "and the process lives on")
	text, err := core.WithField("k", 1).String()
	require.NoError(t, err)
	assert.Contains(t, text, `"k":1`)
	assert.Panics(t, func() { core.Panic("p") }, "the panic is what the caller asked for")
	assert.Equal(t, "critical", out.last(t)["level"])
}
