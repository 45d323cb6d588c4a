package logging

import (
	"sync/atomic"

	"github.com/sirupsen/logrus"
)

// shape is what the lines of one event have in common, worked out with the first of them: the JSON from the level to the
// environment, and the keys of the fields, which a call names in the same order every time.
type shape struct {
	event, logger string
	level         logrus.Level
	head          string
	keys          []*key
	mask          uint64 // the bits of all keys
	clash         bool   // two keys are the same
}

// shapes holds the shapes of a formatter. The first event to take a place stays, so that events made up at run time neither grow
// memory nor drive out those of the program.
type shapes [512]atomic.Pointer[shape]

// of returns the shape for a line, nil where there is none that fits.
func (s *shapes) of(f *formatter, h *head, call []Field) *shape {
	if len(h.event) == 0 || len(h.event) > 64 {
		return nil
	}
	place := &s[hash(h.event)%uint32(len(s))]
	have := place.Load()
	if have == nil {
		have = newShape(f, h, call)
		place.CompareAndSwap(nil, have)
	}
	if have.event != h.event || have.level != h.level || have.logger != h.logger {
		return nil
	}
	return have
}

func newShape(f *formatter, h *head, call []Field) *shape {
	var l line
	l.reset(nil)
	f.head(&l, h)
	s := &shape{event: h.event, logger: h.logger, level: h.level, head: string(l.b)}
	s.mask, s.clash = l.resolve(call, nil)
	s.keys = l.keys
	return s
}

// fits reports whether the fields of a call are those of the shape.
func (s *shape) fits(call []Field) bool {
	if s == nil || len(s.keys) != len(call) {
		return false
	}
	for i := range call {
		if s.keys[i].given != call[i].key {
			return false
		}
	}
	return true
}
