package logging

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// carrier takes a finished line through logrus. It is the ctx of the logrus entry, so that the entry's Data stays empty,
// and is the caller's ctx in everything else.
type carrier struct {
	context.Context // the caller's

	entry logrus.Entry
	probe probe
	line  line

	// Set only where somebody watches the entry; see logWatched.
	watched *watched
}

var carriers = sync.Pool{New: func() any {
	c := new(carrier)
	c.entry.Context = c
	return c
}}

// release gives c back, without what it held.
func (c *carrier) release() {
	c.Context, c.entry.Logger, c.probe.core, c.probe.formatter, c.line.own = nil, nil, nil, nil, Field{}
	if cap(c.line.b) <= 2*maxLine {
		carriers.Put(c)
	}
}

// log makes the line and hands it over to logrus, whose entry carries it to the formatter. Fields in the entry's Data are
// what makes logrus slow; where somebody wants to see Data, it is filled all the same.
func (l Logger) log(ctx context.Context, core *logrus.Logger, level logrus.Level, event string, fields []Field) { //nolint:contextcheck // only nil is replaced
	if ctx == nil {
		ctx = context.Background()
	}
	c := carriers.Get().(*carrier) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	set := fieldsOf(ctx)
	f, watching := c.probe.look(core, level)
	h := head{time.Now(), level, l.label(), event}
	if f != nil && f.sampler != nil && event != linesDropped {
		write, dropped := f.sampler.take(h, fields)
		tell(core, f.sampler.overdue(core, h.time))
		if !write {
			c.release()
			return
		}
		if dropped > 0 {
			fields = append(fields[:len(fields):len(fields)], Int64(droppedCount, dropped))
		}
	}
	if f == nil || watching {
		logWatched(ctx, core, level, &watched{logger: h.logger, event: event, set: set, call: append([]Field(nil), fields...)})
		c.release()
		return
	}
	c.Context, c.entry.Logger, c.entry.Time = ctx, core, h.time
	c.line.reset(c.line.b[:0])
	f.line(&c.line, h, set, fields)
	c.entry.Log(level)
	c.release()
}

// probe looks at a core's hooks and formatter. It is a hook itself, of no level: AddHook asks it for its levels under the
// core's lock, the only place from which they can be read while others may change them.
type probe struct {
	core      *logrus.Logger
	level     logrus.Level
	formatter *formatter
	watching  bool
}

// look returns the formatter of the core, nil where it is somebody else's, and whether a hook is to see the entry.
func (p *probe) look(core *logrus.Logger, level logrus.Level) (f *formatter, watching bool) {
	p.core, p.level = core, level
	core.AddHook(p)
	return p.formatter, p.watching
}

// Levels looks, and returns none.
func (p *probe) Levels() []logrus.Level {
	p.formatter, _ = p.core.Formatter.(*formatter)
	p.watching = len(p.core.Hooks[p.level]) > 0
	return nil
}

// Fire is never called.
func (*probe) Fire(*logrus.Entry) error { return nil }
