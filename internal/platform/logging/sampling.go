package logging

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Sampling thins out events that repeat. Of the lines with one level, logger and event, the first First in each Interval are
// written and every Thereafter-th of the others. The next one that is written has the field dropped_count, how many were not,
// so that no count is lost; [Flush] writes the counts that no line has told. Lines from error on and audit lines are never
// dropped. The zero value drops nothing.
type Sampling struct {
	First      int           // lines of an event that are written in each interval; zero turns sampling off
	Thereafter int           // of the others one in so many is written; zero is none
	Interval   time.Duration // zero is a second
}

// sampler counts events in a table of fixed size. An event that finds no place in it is written.
type sampler struct {
	Sampling

	mu    sync.Mutex
	table [512]sample
}

type sample struct {
	level         logrus.Level
	logger, event string
	began         time.Time
	seen          int
	dropped       int64
}

const (
	maxProbes    = 8
	droppedCount = "dropped_count"
	linesDropped = "log_lines_dropped"
)

func newSampler(s Sampling) *sampler {
	if s.First <= 0 {
		return nil
	}
	if s.Interval <= 0 {
		s.Interval = time.Second
	}
	return &sampler{Sampling: s}
}

// take counts one line and reports whether it is to be written, and how many before it were not. A nil sampler takes all.
func (s *sampler) take(level logrus.Level, logger, event string, call []Field, now time.Time) (write bool, dropped int64) {
	if s == nil || level <= logrus.ErrorLevel || event == linesDropped || isAudit(call) {
		return true, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.place(level, logger, event, now)
	if one == nil {
		return true, 0
	}
	if now.Sub(one.began) >= s.Interval || now.Before(one.began) {
		one.began, one.seen = now, 0
	}
	one.seen++
	if over := one.seen - s.First; over > 0 && (s.Thereafter <= 0 || over%s.Thereafter != 0) {
		one.dropped++
		return false, 0
	}
	dropped, one.dropped = one.dropped, 0
	return true, dropped
}

// place returns the entry of an event, a new one where it has none yet, or nil where the table is full around it. An entry
// whose interval is over, and of which nothing is left to tell, is free.
func (s *sampler) place(level logrus.Level, logger, event string, now time.Time) *sample {
	var free *sample
	h := 31*hash("e"+event[:min(len(event), 63)]) + hash("l"+logger[:min(len(logger), 63)]) + uint32(level)
	for probe := range uint32(maxProbes) {
		one := &s.table[(h+probe)%uint32(len(s.table))]
		if one.level == level && one.event == event && one.logger == logger && !one.began.IsZero() {
			return one
		}
		if free == nil && one.dropped == 0 && now.Sub(one.began) >= s.Interval {
			free = one
		}
	}
	if free != nil {
		*free = sample{level: level, logger: logger, event: event, began: now}
	}
	return free
}

// pending returns the entries with something left to tell, and forgets it.
func (s *sampler) pending() (list []sample) {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.table {
		if one := &s.table[i]; one.dropped > 0 {
			list = append(list, *one)
			one.dropped = 0
		}
	}
	return list
}

func isAudit(call []Field) bool {
	return len(call) > 0 && call[0] == auditField
}

// Flush writes a line for each event of which lines were dropped that no line has told of since. Call it at the end of a
// program whose core samples. It does nothing for any other core; nil is the default one.
func Flush(core *logrus.Logger) {
	if core == nil {
		core = currentCore()
	}
	f, ok := core.Formatter.(*formatter)
	if !ok {
		return
	}
	for _, one := range f.sampler.pending() {
		New(core, one.logger).at(context.Background(), one.level, linesDropped,
			String("dropped_event", one.event), Int64(droppedCount, one.dropped))
	}
}
