package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Event is an entry of the trail as clients see it. What is null was not known or does not apply.
type Event struct {
	ID            uuid.UUID       `json:"id" db:"id"`
	OccurredAt    time.Time       `json:"occurred_at" db:"occurred_at"` // UTC, to the millisecond
	Event         string          `json:"event" db:"event"`             // such as member_added
	Outcome       string          `json:"outcome" db:"outcome"`         // success or failure
	ActorID       uuid.NullUUID   `json:"actor_id" db:"actor_id"`       // the user who did it
	SessionID     uuid.NullUUID   `json:"session_id" db:"session_id"`   // of the actor
	APIKeyID      uuid.NullUUID   `json:"api_key_id" db:"api_key_id"`   // that the actor used
	TargetType    *string         `json:"target_type" db:"target_type"` // what it was done to, such as user
	TargetID      *string         `json:"target_id" db:"target_id"`
	Reason        *string         `json:"reason" db:"reason"` // a word in snake_case
	RemoteIP      *string         `json:"remote_ip" db:"remote_ip"`
	CorrelationID *string         `json:"correlation_id" db:"correlation_id"` // as in the log and in X-Correlation-ID
	Details       json.RawMessage `json:"details" db:"details"`               // an object
}

// Filter narrows a list. Zero fields do not.
type Filter struct {
	Event      string
	ActorID    uuid.UUID
	TargetType string
	TargetID   string
	Since      time.Time // not before
	Until      time.Time // before
}

func (f Filter) values() []string {
	return []string{f.Event, f.ActorID.String(), f.TargetType, f.TargetID, instant(f.Since), instant(f.Until)}
}

// instant is the same for two spellings of a time.
func instant(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + "." + strconv.Itoa(t.Nanosecond())
}
