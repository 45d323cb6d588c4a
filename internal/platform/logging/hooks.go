package logging

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
)

// watched is an event that hooks or a formatter of somebody else will see. It is not pooled: they may keep it.
type watched struct {
	logger string
	event  string
	set    ctxFields
	call   []Field
}

// logWatched logs with the entry's Data filled. A hook or formatter that panics costs neither the line nor the process: the
// line goes to standard error.
func logWatched(ctx context.Context, core *logrus.Logger, level logrus.Level, w *watched) {
	defer func() {
		if r := recover(); r != nil {
			Logger{core: fallback, name: w.logger}.at(ctx, min(level, logrus.InfoLevel), w.event, append(w.call, String("log_panic", panicked(r)))...)
		}
	}()
	e := logrus.Entry{Logger: core, Context: &carrier{Context: ctx, watched: w}, Data: w.data()}
	e.Log(level, w.event)
}

// data returns the fields by name, with the name of the logger among them.
func (w *watched) data() logrus.Fields {
	data := logrus.Fields{"logger": w.logger}
	for k, f := range w.fields {
		data[k.name] = shown(k, f)
	}
	return data
}

// fields goes through the fields in the order of the line. One that a later one replaces comes too.
func (w *watched) fields(yield func(*key, *Field) bool) {
	if w.set.correlation != "" {
		f := String(correlationKey.name, w.set.correlation)
		if !yield(correlationKey, &f) {
			return
		}
	}
	if w.set.span.exists() {
		trace, id := String(traceKey.name, w.set.span.trace.String()), String(spanKey.name, w.set.span.id.String())
		if !yield(traceKey, &trace) || !yield(spanKey, &id) {
			return
		}
	}
	if w.set.bound != nil {
		for i := range w.set.bound.items {
			if item := &w.set.bound.items[i]; !yield(item.key, &item.field) {
				return
			}
		}
	}
	for i := range w.call {
		if !yield(keyOf(w.call[i].key), &w.call[i]) {
			return
		}
	}
}

// dataFields returns the fields in an entry's Data: first those of w in their order, as far as hooks left them there, then
// the others by name. A nil w has none.
func dataFields(e *logrus.Entry, w *watched) []Field {
	rest := maps.Clone(e.Data)
	fields := make([]Field, 0, len(rest))
	take := func(name string) {
		if v, ok := rest[name]; ok {
			fields = append(fields, Any(name, v))
			delete(rest, name)
		}
	}
	if w != nil {
		delete(rest, "logger")
		for k := range w.fields {
			take(k.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		take(name)
	}
	return fields
}

// shown returns the value of f as it may leave the process: texts redacted, lists and objects as JSON. An error stays one,
// with its text redacted.
func shown(k *key, f *Field) any {
	if k.secret {
		return Redacted
	}
	switch v := f.value().(type) {
	case nil, bool, int64, uint64, float64:
		return v
	case string:
		return Redact(v)
	case time.Duration:
		return float64(v.Microseconds()) / 1000
	case error:
		return shownError{v}
	default:
		var l line
		l.reset(nil)
		l.safeValue(v)
		return encoded(l.b)
	}
}

// shownError is an error for others: what errors.Is and errors.As find in it is the one that was logged.
type shownError struct{ err error }

// Error returns the text, redacted.
func (e shownError) Error() string {
	text, problem := textOf(e.err.Error)
	if problem != "" {
		return "!ERROR: " + problem
	}
	return Redact(text)
}

// Unwrap returns the error that was logged.
func (e shownError) Unwrap() error { return e.err }
