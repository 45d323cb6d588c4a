package audit

import (
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// What the tests outside of the package need to see of its inside.
var (
	Presentable = presentable
	FirstIDOf   = firstIDOf
	TimeOf      = timeOf
)

// QueueLength is how many entries wait for one sink.
const QueueLength = queueLength

// LogTo makes r write to a log that a test can read. It is called before r is used.
func (r *Recorder) LogTo(l logging.Logger) {
	r.log = l
	for _, q := range r.queues {
		q.log = l
	}
}

// SetClock gives the throttle of r another clock. It is called before r is used.
func (r *Recorder) SetClock(now func() time.Time) { r.throttled.now = now }

// MaxRepetitions is how many refusals the throttle tells apart.
const MaxRepetitions = maxRepetitions

// Throttle asks the throttle about a refusal of p.
func (r *Recorder) Throttle(p auth.Principal) (times int, again bool) {
	return r.throttled.take(repetition{tenant: p.TenantID, actor: p.UserID, credential: p.SessionID})
}

// Throttled returns how many it does.
func (r *Recorder) Throttled() int {
	r.throttled.mu.Lock()
	defer r.throttled.mu.Unlock()
	return len(r.throttled.last)
}

// At returns an id of a time.
func At(t time.Time) uuid.UUID {
	id := firstIDOf(t)
	id[6], id[8], id[15] = 0x70, 0x80, 1
	return id
}
