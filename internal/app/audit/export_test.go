package audit

import (
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var RedactDetails = redactDetails

// LogTo makes t write to l. Call it before t is used.
func (t *Trail) LogTo(l logging.Logger) { t.log = l }

// SetClock sets the clock of the throttle. Call it before t is used.
func (t *Trail) SetClock(now func() time.Time) { t.throttle.now = now }

// MaxRefusals is the number of refusals that the throttle remembers.
const MaxRefusals = maxRefusals

// Refuse asks the throttle about a refusal of p.
func (t *Trail) Refuse(p auth.Principal) {
	t.throttle.allow(refusal{tenant: p.TenantID, actor: p.UserID, credential: p.SessionID})
}

// Refusals returns the number of refusals that the throttle remembers now.
func (t *Trail) Refusals() int {
	t.throttle.mu.Lock()
	defer t.throttle.mu.Unlock()
	return len(t.throttle.last)
}
