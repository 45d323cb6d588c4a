package logging_test

import (
	"log"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestSlogHandler(t *testing.T) {
	t.Parallel()
	l, out := newLogger(t)
	s := slog.New(logging.SlogHandler(l))
	ctx := errors.WithCorrelationID(t.Context(), "id-1")
	s.With("a", 1).WithGroup("").WithGroup("g").With(slog.String("api_key", "hunter2")).InfoContext(ctx, "password=hunter2",
		"b", slog.GroupValue(slog.Int("c", 2)), slog.Group("", slog.Int("d", 3)), "secret", logging.Secret("hunter2"), slog.Attr{})
	assert.NotContains(t, out.text(), "hunter2")
	line := out.last(t)
	assert.Equal(t, []any{"password=[REDACTED]", 1.0, "[REDACTED]", 2.0, 3.0, "id-1"},
		[]any{line["event"], line["a"], line["g.api_key"], line["g.b.c"], line["g.d"], line["correlation_id"]})
	for level, want := range map[slog.Level]string{slog.LevelDebug: "debug", slog.LevelWarn: "warning", slog.LevelError + 4: "error"} {
		s.Log(ctx, level, "e")
		assert.Equal(t, want, out.last(t)["level"])
	}
}

func TestCaptureStandard(t *testing.T) { // not parallel: the standard loggers are the program's
	l, out := newLogger(t)
	writer, flags := log.Writer(), log.Flags()
	restore := logging.CaptureStandard(l)
	log.Print("from log")
	assert.Equal(t, []any{"from log", "info"}, []any{out.last(t)["event"], out.last(t)["level"]})
	slog.Warn("from slog", "k", "v")
	assert.Equal(t, []any{"from slog", "v"}, []any{out.last(t)["event"], out.last(t)["k"]})
	restore()
	assert.Equal(t, writer, log.Writer())
	assert.Equal(t, flags, log.Flags())
	assert.Len(t, out.lines(t), 2)
}
