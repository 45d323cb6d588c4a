// Package audit is the audit trail: who did what to which object, when and from which address. An
// entry is written in the transaction of the change that it describes, so neither exists without
// the other.
//
//	err := pool.InTenant(ctx, func(ctx context.Context) error {
//		if err := store.revoke(ctx, id); err != nil {
//			return err
//		}
//		return trail.Record(ctx, audit.Entry{Event: "api_key_revoked", TargetID: id.String()})
//	})
//
// After the commit the entry is also logged with audit=true. Ship these log lines to a SIEM.
//
// An entry belongs to the tenant of its transaction, which reads it at GET /v1/audit. Without a
// tenant it belongs to the system trail, which the service can write but not read. Entries remain
// when their target or their tenant is deleted.
//
// Events that strangers can cause at will, such as an unknown credential, are only logged, so that
// nobody can fill the table. For the same reason a repeated refusal of one principal gets at most
// one row a minute on each replica.
//
// Entries hold no password, token or key: details are redacted by name and by pattern (see package
// logging) and limited in size. Addresses and user ids are personal data, which an operator deletes
// with audit_events_prune in the database, except the last 90 days. The role of the service may not
// change or delete entries, and a trigger stops all others.
package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// Entry describes an event. Only Event is required. The correlation id and the address of the
// client come from ctx. Long texts are truncated.
type Entry struct {
	Event      string    // a constant in snake_case, such as member_added
	ActorID    uuid.UUID // the acting user; zero means the principal of ctx, if there is one
	TargetType string    // user, session, api_key…
	TargetID   string
	Reason     string         // in snake_case
	Details    map[string]any // encoded as JSON; no secrets

	// The actor's session or API key. Zero means that of the principal of ctx, if the principal is
	// the actor.
	SessionID uuid.UUID
	APIKeyID  uuid.UUID
}

// The outcomes of events. A failure is logged as a warning.
const (
	success = "success"
	failure = "failure"
)

// by returns e with a principal as the actor.
func (e Entry) by(p auth.Principal) Entry {
	e.ActorID, e.SessionID, e.APIKeyID = p.UserID, p.SessionID, p.APIKeyID
	return e
}

// failures are the events whose outcome is a failure.
var failures = map[string]bool{
	"login_failed": true, "account_locked": true, "refresh_reuse_detected": true,
	"permission_denied": true, "token_rejected": true,
}

// Event is an entry of the trail in responses. A value that is unknown or does not apply is null.
type Event struct {
	ID            uuid.UUID       `json:"id" db:"id"`
	OccurredAt    time.Time       `json:"occurred_at" db:"occurred_at"` // by the clock of the database
	Event         string          `json:"event" db:"event"`             // such as member_added
	Outcome       string          `json:"outcome" db:"outcome"`         // success or failure
	ActorID       uuid.NullUUID   `json:"actor_id" db:"actor_id"`       // the acting user
	SessionID     uuid.NullUUID   `json:"session_id" db:"session_id"`   // of the actor
	APIKeyID      uuid.NullUUID   `json:"api_key_id" db:"api_key_id"`   // of the actor
	TargetType    *string         `json:"target_type" db:"target_type"` // such as user
	TargetID      *string         `json:"target_id" db:"target_id"`
	Reason        *string         `json:"reason" db:"reason"` // in snake_case
	RemoteIP      *string         `json:"remote_ip" db:"remote_ip"`
	CorrelationID *string         `json:"correlation_id" db:"correlation_id"` // as in the log and in X-Correlation-ID
	Details       json.RawMessage `json:"details" db:"details"`               // an object
}

// Filter limits a list. Zero fields do not.
type Filter struct {
	Event      string
	ActorID    uuid.UUID
	TargetType string
	TargetID   string
	Since      time.Time // inclusive
	Until      time.Time // exclusive
}

// values returns the filter for the cursor of a page, which is valid for this filter only.
func (f Filter) values() []string {
	return []string{
		f.Event, f.ActorID.String(), f.TargetType, f.TargetID,
		f.Since.UTC().Format(time.RFC3339Nano), f.Until.UTC().Format(time.RFC3339Nano),
	}
}

// record is an event with what only the log and the table need.
type record struct {
	Event
	tenant  uuid.UUID      // zero for the system trail
	details map[string]any // of Details
}

// The maximum lengths of texts in characters.
const (
	maxWord          = 64 // events, types of targets, addresses
	maxTargetID      = 200
	maxReason        = 200
	maxCorrelationID = 128
)

// complete adds what ctx knows to an entry.
func (e Entry) complete(ctx context.Context) record {
	if p, ok := auth.PrincipalFrom(ctx); ok && (e.ActorID == uuid.Nil || e.ActorID == p.UserID) {
		e.ActorID, e.SessionID, e.APIKeyID = p.UserID, cmp.Or(e.SessionID, p.SessionID), cmp.Or(e.APIKeyID, p.APIKeyID)
	}
	outcome := success
	if failures[e.Event] {
		outcome = failure
	}
	return record{details: redactDetails(e.Details), Event: Event{
		ID: db.NewID(), Event: db.Text(e.Event, maxWord), Outcome: outcome,
		ActorID: nullID(e.ActorID), SessionID: nullID(e.SessionID), APIKeyID: nullID(e.APIKeyID),
		TargetType: nullText(e.TargetType, maxWord), TargetID: nullText(e.TargetID, maxTargetID),
		Reason: nullText(e.Reason, maxReason), RemoteIP: nullText(server.ClientFrom(ctx).RemoteIP, maxWord),
		CorrelationID: nullText(logging.Redact(errors.CorrelationID(ctx)), maxCorrelationID),
	}}
}

func nullID(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

func nullText(text string, limit int) *string {
	if text = db.Text(text, limit); text == "" {
		return nil
	}
	return &text
}

const (
	maxDetails = 24   // in an entry
	maxDetail  = 2048 // bytes of JSON in one of them
)

// redactDetails returns details as plain JSON values, redacted by name and by pattern as in the
// log. A note replaces a value that is too long or that JSON cannot express, so that no entry is
// lost. It does not change details.
func redactDetails(details map[string]any) map[string]any {
	out := make(map[string]any, min(len(details), maxDetails))
	for i, name := range slices.Sorted(maps.Keys(details)) {
		if i == maxDetails {
			out["details_dropped"] = len(details) - maxDetails
			break
		}
		out[db.Text(name, maxWord)] = redactDetail(name, details[name])
	}
	return out
}

const notJSON = "!ERROR: not a JSON value"

func redactDetail(name string, value any) any {
	if logging.Sensitive(name) {
		return logging.Redacted
	}
	encoded, err := json.Marshal(value)
	switch {
	case err != nil:
		return notJSON
	case len(encoded) > maxDetail:
		return "!TRUNCATED: too long"
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return notJSON
	}
	return redactValue(plain)
}

// redactValue replaces the secrets in a decoded JSON value.
func redactValue(value any) any {
	switch v := value.(type) {
	case string:
		if access.Policy.Known(auth.Permission(v)) { // api_keys:read would be taken for a name and its secret
			return v
		}
		return db.Text(logging.Redact(v), maxDetail)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if n, err := v.Float64(); err == nil {
			return n
		}
		return notJSON
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			if logging.Sensitive(name) {
				inner = logging.Redacted
			}
			out[db.Text(name, maxDetail)] = redactValue(inner)
		}
		return out
	}
	return value
}
