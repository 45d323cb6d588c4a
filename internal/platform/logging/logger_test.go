package logging_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestLineHasItsMembersInOrder(t *testing.T) {
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

func TestNewCoreRefusesWhatItDoesNotKnow(t *testing.T) {
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
