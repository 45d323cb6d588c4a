package audit

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	rowInterval    = time.Minute // between two rows about the same refusal
	maxRepetitions = 4096        // that are told apart; then it begins anew
)

// repetition is what makes two refusals the same: who, with which session or key, what, and why.
type repetition struct {
	tenant, actor, credential uuid.UUID
	event, target, reason     string
	route                     string
}

// throttle keeps whoever is refused all day from filling the table, which nobody may empty. The zero value is ready.
type throttle struct {
	now func() time.Time // nil means [time.Now]

	mu   sync.Mutex
	last map[repetition]*repeated
}

type repeated struct {
	at    time.Time // of the last row
	times int       // since then
}

// take says whether there was a row less than an interval ago, and if not, how often there would have been one since.
func (t *throttle) take(r repetition) (times int, again bool) {
	now := time.Now
	if t.now != nil {
		now = t.now
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := now()
	before := t.last[r]
	if before != nil && at.Sub(before.at) < rowInterval {
		before.times++
		return 0, true
	}
	if before != nil {
		times = before.times
	}
	if t.last == nil || before == nil && len(t.last) >= maxRepetitions {
		t.last = map[repetition]*repeated{}
	}
	t.last[r] = &repeated{at: at}
	return times, false
}

// forget is for a row that could not be written.
func (t *throttle) forget(r repetition) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, r)
}
