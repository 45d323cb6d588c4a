package logging

import (
	"context"

	"github.com/sirupsen/logrus"
)

// Logger writes events under one name. It is a small value to be copied freely, and safe for concurrent use. The zero
// value writes to the default core under the name "default". No method fails or panics, whatever the fields hold; a nil
// ctx is taken for an empty one.
//
// An event is a constant in snake_case that says what happened, such as note_created; what varies goes into fields.
type Logger struct {
	core *logrus.Logger // nil for the default core
	name string
}

// New returns a logger that writes to a core of its own, for tests and for programs inside programs. Any logrus logger
// will do; one that [NewCore] made writes lines in the form of this package. A nil core means the default one.
func New(core *logrus.Logger, name string) Logger { return Logger{core: core, name: name} }

// IsZero reports whether l is the zero value, for options whose zero value means the package's own logger.
func (l Logger) IsZero() bool { return l == Logger{} }

// Debug logs what only a developer wants to know.
func (l Logger) Debug(ctx context.Context, event string, fields ...Field) {
	if core := l.target(); core.IsLevelEnabled(logrus.DebugLevel) {
		l.log(ctx, core, logrus.DebugLevel, event, fields)
	}
}

// Info logs what happened in the ordinary course of things.
func (l Logger) Info(ctx context.Context, event string, fields ...Field) {
	if core := l.target(); core.IsLevelEnabled(logrus.InfoLevel) {
		l.log(ctx, core, logrus.InfoLevel, event, fields)
	}
}

// Warn logs what somebody may have to look into.
func (l Logger) Warn(ctx context.Context, event string, fields ...Field) {
	if core := l.target(); core.IsLevelEnabled(logrus.WarnLevel) {
		l.log(ctx, core, logrus.WarnLevel, event, fields)
	}
}

// Error logs what failed.
func (l Logger) Error(ctx context.Context, event string, fields ...Field) {
	if core := l.target(); core.IsLevelEnabled(logrus.ErrorLevel) {
		l.log(ctx, core, logrus.ErrorLevel, event, fields)
	}
}

// Critical logs what keeps the service from its work. It returns like the others: ending the process is up to main.
func (l Logger) Critical(ctx context.Context, event string, fields ...Field) {
	if core := l.target(); core.IsLevelEnabled(levelCritical) {
		l.log(ctx, core, levelCritical, event, fields)
	}
}

// Enabled reports whether lines of this level are written now, for callers whose fields are dear to make.
func (l Logger) Enabled(level logrus.Level) bool { return l.target().IsLevelEnabled(level) }

// at logs at a level that is known only when the program runs.
func (l Logger) at(ctx context.Context, level logrus.Level, event string, fields ...Field) {
	if core := l.target(); core.IsLevelEnabled(level) {
		l.log(ctx, core, level, event, fields)
	}
}

func (l Logger) target() *logrus.Logger {
	if l.core != nil {
		return l.core
	}
	return currentCore()
}

func (l Logger) label() string {
	if l.name == "" {
		return "default"
	}
	return l.name
}
