package audit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// What became of what was tried. Everything but Success is logged as a warning.
const (
	Success = "success"
	Failure = "failure"
)

// Entry is one thing that happened. Only Event is required. Texts that are too long are cut.
type Entry struct {
	Event      string    // a constant in snake_case, such as member_added
	ActorID    uuid.UUID // who did it; zero: the principal of ctx, where there is one
	Outcome    string    // "": Failure for the events of [failures], Success for all others
	TargetType string    // what it was done to: user, session, api_key…
	TargetID   string
	Reason     string         // a word in snake_case
	RemoteIP   string         // "": that of ctx, see [WithRemoteIP]
	Details    map[string]any // what else is to be known, as JSON; never a secret

	// The session or the API key that was acted with. Zero: those of the principal of ctx, where that is the actor.
	SessionID uuid.UUID
	APIKeyID  uuid.UUID

	// [Recorder.Record] fills these in, for sinks.
	ID            uuid.UUID
	TenantID      uuid.UUID // zero: of the system trail
	OccurredAt    time.Time // the time in ID, UTC, to the millisecond
	CorrelationID string
}

// failures are the events that are bad news by themselves.
var failures = map[string]bool{
	"login_failed": true, "account_locked": true, "refresh_reuse_detected": true, "permission_denied": true, "token_rejected": true,
}

// The longest texts that are kept, in characters.
const (
	maxWord          = 64 // events, types of targets, addresses
	maxOutcome       = 32
	maxTargetID      = 200
	maxReason        = 200
	maxCorrelationID = 128
)

// completed returns e as it is kept.
func (e Entry) completed(ctx context.Context) (Entry, error) {
	if e.Event == "" {
		return e, errors.Internal(errNoEvent, "record an audit entry")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return e, errors.Internal(err, "make an audit id")
	}
	e.ID, e.OccurredAt, e.CorrelationID = id, timeOf(id), db.Text(logging.Redact(errors.CorrelationID(ctx)), maxCorrelationID)
	if p, ok := auth.PrincipalFrom(ctx); ok && (e.ActorID == uuid.Nil || e.ActorID == p.UserID) {
		e.ActorID, e.SessionID, e.APIKeyID = p.UserID, either(e.SessionID, p.SessionID), either(e.APIKeyID, p.APIKeyID)
	}
	switch {
	case e.Outcome != "":
	case failures[e.Event]:
		e.Outcome = Failure
	default:
		e.Outcome = Success
	}
	if e.RemoteIP == "" {
		e.RemoteIP = RemoteIP(ctx)
	}
	e.Event, e.Outcome = db.Text(e.Event, maxWord), db.Text(e.Outcome, maxOutcome)
	e.TargetType, e.TargetID = db.Text(e.TargetType, maxWord), db.Text(e.TargetID, maxTargetID)
	e.Reason, e.RemoteIP = db.Text(e.Reason, maxReason), db.Text(e.RemoteIP, maxWord)
	e.Details = presentable(e.Details)
	return e, nil
}

var errNoEvent = errors.Sentinel("an audit entry has no event")

func either(a, b uuid.UUID) uuid.UUID {
	if a != uuid.Nil {
		return a
	}
	return b
}

// timeOf returns the time in an UUIDv7.
func timeOf(id uuid.UUID) time.Time {
	seconds, nanoseconds := id.Time().UnixTime()
	return time.Unix(seconds, nanoseconds).UTC()
}
