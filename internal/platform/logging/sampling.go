package logging

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	droppedCount = "dropped_count"
	linesDropped = "log_lines_dropped"

	sampleInterval = time.Second
	sampledOf      = 100 // lines beyond the limit, of which one is written
	maxSampled     = 512 // events that are counted in an interval; others are written
	maxSampledName = 128 // bytes of an event; longer ones are written, since they may hold text that varies
)

// Flush writes log_lines_dropped for each event with dropped lines that no line has counted yet,
// and waits up to a second for a file that takes no lines at the moment. Call it at the end of a
// program. A nil core is the default one. Counts of a level that is off stay until it is on again.
func Flush(core *Core) {
	core = cmp.Or(core, Logger{}.target())
	if s := core.sampler; s != nil {
		s.mu.Lock()
		dropped := s.next(core, sampleKey{})
		s.mu.Unlock()
		core.logDropped(dropped)
	}
	core.out.flush()
}

// logDropped writes what was dropped, under the names of the loggers of the lines.
func (c *Core) logDropped(dropped map[sampleKey]int64) {
	for event, n := range dropped {
		New(c, event.logger).Log(context.Background(), event.level, linesDropped,
			String("dropped_event", event.event), Int64(droppedCount, n))
	}
}

// sampler counts the lines of each event in an interval, and drops some of those beyond a limit.
// The next line of the event that is written has the number of dropped lines as dropped_count. If
// none comes in the interval, the first line after it is preceded by log_lines_dropped.
type sampler struct {
	limit int

	mu     sync.Mutex
	began  time.Time // of the interval
	events map[sampleKey]*sample
}

type sampleKey struct {
	level         logrus.Level
	logger, event string
}

type sample struct {
	seen    int   // in the interval
	dropped int64 // and not yet counted in a line
}

// sample reports whether a line is to be written, and how many before it were not.
func (c *Core) sample(h head, call []Field) (write bool, dropped int64) {
	s := c.sampler
	key := sampleKey{h.level, h.logger, h.event}
	var ended map[sampleKey]int64
	s.mu.Lock()
	if h.time.Sub(s.began) >= sampleInterval {
		s.began = h.time
		ended = s.next(c, key)
	}
	write, dropped = s.take(key, call)
	s.mu.Unlock()
	c.logDropped(ended)
	return write, dropped
}

// next begins an interval. It returns and resets the counts of the last one, except that of current,
// which its next line reports, and those of disabled levels.
func (s *sampler) next(core *Core, current sampleKey) map[sampleKey]int64 {
	dropped := make(map[sampleKey]int64)
	for key, event := range s.events {
		event.seen = 0
		if event.dropped > 0 && (key == current || !core.IsLevelEnabled(key.level)) {
			continue
		}
		if event.dropped > 0 {
			dropped[key] = event.dropped
		}
		delete(s.events, key)
	}
	return dropped
}

func (s *sampler) take(key sampleKey, call []Field) (write bool, dropped int64) {
	if key.level <= logrus.ErrorLevel || len(key.event) > maxSampledName || slices.ContainsFunc(call, isAudit) {
		return true, 0
	}
	event := s.events[key]
	if event == nil {
		if len(s.events) >= maxSampled {
			return true, 0
		}
		event = new(sample)
		s.events[key] = event
	}
	event.seen++
	if more := event.seen - s.limit; more > 0 && more%sampledOf != 0 {
		event.dropped++
		return false, 0
	}
	dropped, event.dropped = event.dropped, 0
	return true, dropped
}

func isAudit(f Field) bool { return f.key == auditField.key && f.kind == kindBool && f.num == 1 }
