package audit

import (
	"time"

	"github.com/google/uuid"

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

// At returns an id of a time.
func At(t time.Time) uuid.UUID {
	id := firstIDOf(t)
	id[6], id[8], id[15] = 0x70, 0x80, 1
	return id
}
