package logging

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// formatter writes the lines of a core. It is safe for concurrent use.
type formatter struct {
	shapes  shapes
	tail    string // ,"app":"…","environment":"…"
	sampler *sampler
	console bool
	color   bool
}

// head is what every line begins with.
type head struct {
	time   time.Time
	level  logrus.Level
	logger string
	event  string
}

// foreignLogger is the logger of lines that others, such as libraries, log through the core.
const foreignLogger = "logrus"

// Format returns the line for an entry. It never fails: a line that cannot be written whole says what is missing.
func (f *formatter) Format(e *logrus.Entry) ([]byte, error) {
	c, own := e.Context.(*carrier)
	if own && c.watched == nil {
		return c.line.b, nil
	}
	h := head{time: e.Time, level: e.Level, logger: foreignLogger, event: e.Message}
	var l line
	if e.Buffer != nil {
		l.reset(e.Buffer.AvailableBuffer())
	}
	if own {
		h.logger = c.watched.logger
		f.line(&l, h, ctxFields{}, dataFields(e, c.watched))
	} else {
		f.line(&l, h, fieldsOf(e.Context), dataFields(e, nil))
	}
	return l.b, nil
}

// fieldsOf returns what ctx, which may be nil, adds to a line.
func fieldsOf(ctx context.Context) ctxFields {
	if ctx == nil || ctx == context.Background() { // which carries nothing, three times asked
		return ctxFields{}
	}
	return ctxFields{correlation: errors.CorrelationID(ctx), span: spanOf(ctx), bound: boundTo(ctx)}
}

func (f *formatter) line(l *line, h head, set ctxFields, call []Field) {
	l.console, l.color = f.console, f.color
	if f.console {
		l.consoleHead(h)
		l.fields(set, call, nil)
		l.b = append(l.b, '\n')
		return
	}
	l.b = append(l.b, `{"time":"`...)
	l.time(h.time)
	known := f.shapes.of(f, &h, call)
	if known != nil {
		l.b = append(l.b, known.head...)
	} else {
		f.head(l, &h)
	}
	l.fields(set, call, known)
	l.b = append(l.b, '}', '\n')
}

// head appends what comes between the time and the fields.
func (f *formatter) head(l *line, h *head) {
	l.b = append(l.b, levelJSON(h.level)...)
	l.text(h.event)
	l.b = append(l.b, `,"logger":`...)
	l.text(h.logger)
	l.b = append(l.b, f.tail...)
}

// levelJSON returns what stands between the time and the event.
func levelJSON(level logrus.Level) string {
	switch level {
	case logrus.TraceLevel, logrus.DebugLevel:
		return `","level":"debug","event":`
	case logrus.InfoLevel:
		return `","level":"info","event":`
	case logrus.WarnLevel:
		return `","level":"warning","event":`
	case logrus.ErrorLevel:
		return `","level":"error","event":`
	default:
		return `","level":"critical","event":`
	}
}
