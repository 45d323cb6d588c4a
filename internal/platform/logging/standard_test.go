package logging_test

import (
	"log"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// A group with a sensitive name hides its members, as a map with that name does.
func TestSlogGroupUnderSensitiveNameIsRedacted(t *testing.T) {
	t.Parallel()
	log, out := newLogger(t)
	group := slog.Group("credentials", slog.String("user", "hunter2"), slog.Int("id", 12345), slog.Group("more", slog.String("x", "hunter2")))
	s := slog.New(logging.SlogHandler(log))
	s.Info("e", group)
	s.Info("e", slog.Group("outer", group, slog.String("shown", "ann")))
	s.WithGroup("password").With("old", "hunter2").WithGroup("in").Info("e", "id", "hunter2")
	s.With(group).Info("e")
	assert.NotContains(t, out.text(), "hunter2")
	assert.NotContains(t, out.text(), "12345")
	assert.Contains(t, out.text(), `"outer.credentials.more.x":"[REDACTED]","outer.shown":"ann"`)
}

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

func TestSlogGroupsAndLevels(t *testing.T) {
	t.Parallel()
	l, out := newLogger(t)
	s := slog.New(logging.SlogHandler(l)).With("a", 1)
	group := s.WithGroup("g").With("b", 2).WithGroup("h")
	group.Info("e", "c", 3, slog.Group("i", "d", 4, slog.Group("j", "password", "hunter2")), slog.Group("empty"))
	s.Info("again", "c", 3)
	lines := out.lines(t)
	assert.Equal(t, []any{1.0, 2.0, 3.0, 4.0, "[REDACTED]"},
		[]any{lines[0]["a"], lines[0]["g.b"], lines[0]["g.h.c"], lines[0]["g.h.i.d"], lines[0]["g.h.i.j.password"]})
	assert.Equal(t, []any{1.0, 3.0, nil}, []any{lines[1]["a"], lines[1]["c"], lines[1]["g.b"]}, "handlers share nothing")
	for level, want := range map[slog.Level]string{slog.LevelDebug - 4: "debug", slog.LevelDebug + 1: "debug", slog.LevelInfo + 1: "info",
		slog.LevelWarn + 3: "warning", slog.LevelError + 1: "error", slog.Level(1 << 20): "error"} {
		s.Log(t.Context(), level, "e")
		assert.Equal(t, want, out.last(t)["level"], level)
	}
	core, quiet := newCore(t, logging.Options{Level: "warning"})
	handler := logging.SlogHandler(logging.New(core, "x"))
	assert.False(t, handler.Enabled(t.Context(), slog.LevelWarn-1))
	assert.True(t, handler.Enabled(t.Context(), slog.LevelWarn))
	slog.New(handler).Info("e")
	assert.Empty(t, quiet.text())
}

func TestSlogNeverPanics(t *testing.T) {
	t.Parallel()
	l, out := newLogger(t)
	handler := logging.SlogHandler(l)
	assert.NotPanics(t, func() {
		//nolint:staticcheck // a nil ctx must not panic
		assert.NoError(t, handler.Handle(nil, slog.NewRecord(time.Now(), slog.LevelInfo, "nil ctx", 0)))
		slog.New(handler).Info("e", []any{"v", panicValuer{}, "odd"}...)
	})
	line := out.last(t)
	assert.Contains(t, line["v"], "LogValue panicked")
	assert.Equal(t, "odd", line["!BADKEY"])
}

func TestLogFatalEndsProcess(t *testing.T) {
	t.Parallel()
	cmd := reexec(t, "log.Fatal")
	text, err := cmd.Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, string(text), `"level":"info","event":"the last word","logger":"x"`)
	assert.Equal(t, 1, strings.Count(string(text), "\n"))
}
