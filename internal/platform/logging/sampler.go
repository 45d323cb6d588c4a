package logging

import (
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// sampler counts events in a table of fixed size. An event that finds no place in it, or whose name is too long to keep, is
// written.
type sampler struct {
	Sampling

	mu    sync.Mutex
	due   time.Time // when the table is next looked through for counts that nothing has told
	table [512]sample
}

type sample struct {
	level         logrus.Level
	logger, event string
	began         time.Time // of the interval
	seen          int       // in the interval
	dropped       int64     // since a line has told
}

const (
	maxProbes = 8
	maxEvent  = 128 // bytes of the name of an event in the table
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

// take counts one line and reports whether it is to be written, and how many before it were not.
func (s *sampler) take(h head, call []Field) (write bool, dropped int64) {
	if h.level <= logrus.ErrorLevel || len(h.event) > maxEvent || slices.ContainsFunc(call, isAudit) {
		return true, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.place(h)
	if one == nil {
		return true, 0
	}
	if s.over(one, h.time) {
		one.began, one.seen = h.time, 0
	}
	one.seen++
	if more := one.seen - s.First; more > 0 && (s.Thereafter <= 0 || more%s.Thereafter != 0) {
		one.dropped++
		return false, 0
	}
	dropped, one.dropped = one.dropped, 0
	return true, dropped
}

// over reports whether the interval of an entry has ended. A clock that goes back ends it too.
func (s *sampler) over(one *sample, now time.Time) bool {
	return now.Sub(one.began) >= s.Interval || now.Before(one.began)
}

// place returns the entry of an event, a new one where it has none yet, or nil where the table is full around it. An entry
// whose interval is over, and of which nothing is left to tell, is free.
func (s *sampler) place(h head) *sample {
	var free *sample
	at := 31*hash("e"+h.event[:min(len(h.event), 63)]) + hash("l"+h.logger[:min(len(h.logger), 63)]) + uint32(h.level)
	for probe := range uint32(maxProbes) {
		one := &s.table[(at+probe)%uint32(len(s.table))]
		if one.level == h.level && one.event == h.event && one.logger == h.logger && !one.began.IsZero() {
			return one
		}
		if free == nil && one.dropped == 0 && s.over(one, h.time) {
			free = one
		}
	}
	if free != nil {
		*free = sample{level: h.level, logger: h.logger, event: h.event, began: h.time}
	}
	return free
}

// overdue returns the entries whose interval is over with something left to tell, and forgets it. It looks through the
// table once in an interval.
func (s *sampler) overdue(core *logrus.Logger, now time.Time) []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.due) && s.due.Sub(now) <= s.Interval {
		return nil
	}
	s.due = now.Add(s.Interval)
	return s.untold(core, func(one *sample) bool { return s.over(one, now) })
}

// pending returns all entries with something left to tell, and forgets it.
func (s *sampler) pending(core *logrus.Logger) []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.untold(core, func(*sample) bool { return true })
}

func (s *sampler) untold(core *logrus.Logger, wanted func(*sample) bool) (list []sample) {
	for i := range s.table {
		if one := &s.table[i]; one.dropped > 0 && core.IsLevelEnabled(one.level) && wanted(one) {
			list = append(list, *one)
			one.dropped = 0
		}
	}
	return list
}

func isAudit(f Field) bool { return f.key == auditField.key && f.kind == kindBool && f.num == 1 }
