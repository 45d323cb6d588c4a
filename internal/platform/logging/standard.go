package logging

import (
	"context"
	"log"
	"log/slog"
	"slices"

	"github.com/sirupsen/logrus"
)

// SlogHandler returns a handler that writes records of log/slog through l. Attributes become
// fields; those of a group are prefixed with its name and a dot. A level between two of slog's
// counts as the lower one, any above slog.LevelError as error. slog.NewLogLogger makes a
// *log.Logger of it, for example for http.Server.
func SlogHandler(l Logger) slog.Handler { return slogHandler{logger: l} }

// CaptureStandard redirects the standard packages log and log/slog to l and returns a function that
// undoes it. Lines of package log are at info. log.Fatal still ends the process after its line,
// without deferred functions such as [Flush], and log.Panic panics. Call it at start, from one
// goroutine.
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
	prefix string // of the open groups, each followed by a dot
	secret bool   // one of the open groups has a sensitive name
}

// Enabled reports whether the core writes lines of this level.
func (h slogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return h.logger.Enabled(levelOfSlog(level))
}

// Handle logs the record. It never fails.
func (h slogHandler) Handle(ctx context.Context, r slog.Record) error {
	fields := slices.Clip(h.fields)
	r.Attrs(func(a slog.Attr) bool {
		fields = appendAttr(fields, h.prefix, h.secret, a)
		return true
	})
	h.logger.Log(ctx, levelOfSlog(r.Level), r.Message, fields...)
	return nil
}

// WithAttrs returns a handler whose lines have the attributes too.
func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.fields = slices.Clip(h.fields)
	for _, a := range attrs {
		h.fields = appendAttr(h.fields, h.prefix, h.secret, a)
	}
	return h
}

// WithGroup returns a handler that puts later attributes under name.
func (h slogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
		h.secret = h.secret || Sensitive(name)
	}
	return h
}

// appendAttr appends the fields of an attribute. A group with a sensitive name makes all its
// members secret, as in a map.
func appendAttr(fields []Field, prefix string, secret bool, a slog.Attr) []Field {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
			secret = secret || Sensitive(a.Key)
		}
		for _, member := range v.Group() {
			fields = appendAttr(fields, prefix, secret, member)
		}
		return fields
	case a.Equal(slog.Attr{}): // handlers must ignore it
		return fields
	case secret:
		return append(fields, String(prefix+a.Key, Redacted))
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
