package logging

import (
	"context"
	"log"
	"log/slog"
	"slices"

	"github.com/sirupsen/logrus"
)

// SlogHandler returns a handler for log/slog that writes through l, for libraries that log there. Attributes become fields;
// those of a group have its name and a dot before theirs. A level between two of slog's counts as the lower one; those from
// slog.LevelError on are error. The time is that of writing. slog.NewLogLogger makes a *log.Logger of it, such as
// http.Server's ErrorLog.
func SlogHandler(l Logger) slog.Handler { return slogHandler{logger: l} }

// CaptureStandard sends what programs log through the standard packages log and log/slog to l, and returns the function
// that undoes it. What package log writes has no level, so it is info. log.Fatal writes its line, then ends the process with
// status 1 as ever, without deferred functions such as [Flush]; log.Panic writes its line, then panics. Call it at start,
// from one goroutine.
func CaptureStandard(l Logger) (restore func()) {
	handler, out, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(SlogHandler(l)))
	return func() {
		slog.SetDefault(handler)
		log.SetOutput(out)
		log.SetFlags(flags)
	}
}

type slogHandler struct {
	logger Logger
	fields []Field
	prefix string // the open groups, each with a dot behind it
}

// Enabled reports whether the core writes lines of this level.
func (h slogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return h.logger.Enabled(levelOfSlog(level))
}

// Handle logs the record. It never fails.
func (h slogHandler) Handle(ctx context.Context, r slog.Record) error {
	fields := slices.Clip(h.fields)
	r.Attrs(func(a slog.Attr) bool {
		fields = appendAttr(fields, h.prefix, a)
		return true
	})
	h.logger.at(ctx, levelOfSlog(r.Level), r.Message, fields...)
	return nil
}

// WithAttrs returns a handler whose lines have the attributes too.
func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.fields = slices.Clip(h.fields)
	for _, a := range attrs {
		h.fields = appendAttr(h.fields, h.prefix, a)
	}
	return h
}

// WithGroup returns a handler that puts later attributes under name.
func (h slogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

func appendAttr(fields []Field, prefix string, a slog.Attr) []Field {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			fields = appendAttr(fields, prefix, member)
		}
		return fields
	case a.Equal(slog.Attr{}): // which handlers are to leave out
		return fields
	}
	return append(fields, Any(prefix+a.Key, v.Any()))
}

func levelOfSlog(level slog.Level) logrus.Level {
	switch {
	case level < slog.LevelInfo:
		return logrus.DebugLevel
	case level < slog.LevelWarn:
		return logrus.InfoLevel
	case level < slog.LevelError:
		return logrus.WarnLevel
	default:
		return logrus.ErrorLevel
	}
}
