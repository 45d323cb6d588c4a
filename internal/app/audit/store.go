package audit

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = `id, occurred_at, event, outcome, actor_id, session_id, api_key_id, target_type, target_id, reason, remote_ip,
	correlation_id, details`

// store is the table audit_events. Its methods run in a transaction; row security, not their SQL, keeps tenants apart.
type store struct{ pool *db.Pool }

// insert adds an entry for the tenant of the transaction and returns that tenant, zero for none. The insert returns nothing
// by itself, because nobody may read a row of the system.
func (s store) insert(ctx context.Context, e Entry) (uuid.UUID, error) {
	details, err := json.Marshal(e.Details)
	if err != nil {
		return uuid.Nil, errors.Internal(err, "encode the details of an audit entry")
	}
	tenant, err := db.One[uuid.NullUUID](ctx, s.pool, `
		with added as (
			insert into audit_events (tenant_id, `+columns+`)
			values (nullif(current_setting('app.tenant_id', true), '')::uuid, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13))
		select nullif(current_setting('app.tenant_id', true), '')::uuid`,
		e.ID, e.OccurredAt, e.Event, e.Outcome, known(e.ActorID), known(e.SessionID), known(e.APIKeyID),
		given(e.TargetType), given(e.TargetID), given(e.Reason), given(e.RemoteIP), given(e.CorrelationID), string(details))
	if err != nil {
		return uuid.Nil, fmt.Errorf("insert an audit entry: %w", err)
	}
	return tenant.UUID, nil
}

func known(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// given is NULL for what is not there.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// list returns at most limit entries older than before, newest first. Ids are UUIDv7, so their order is that of time.
func (s store) list(ctx context.Context, f Filter, before uuid.UUID, limit int) ([]Event, error) {
	var where db.Conditions
	if before != uuid.Nil {
		where.And("id < ?", before)
	}
	if f.Event != "" {
		where.And("event = ?", f.Event)
	}
	if f.ActorID != uuid.Nil {
		where.And("actor_id = ?", f.ActorID)
	}
	if f.TargetType != "" {
		where.And("target_type = ?", f.TargetType)
	}
	if f.TargetID != "" {
		where.And("target_id = ?", f.TargetID)
	}
	if !f.Since.IsZero() {
		where.And("id >= ?", firstIDOf(f.Since))
	}
	if !f.Until.IsZero() {
		where.And("id < ?", firstIDOf(f.Until))
	}
	query := `select ` + columns + ` from audit_events` + where.SQL() + ` order by id desc limit ` + where.Arg(limit)
	list, err := db.All[Event](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	for i := range list {
		list[i].OccurredAt = list[i].OccurredAt.UTC()
	}
	return list, nil
}

// firstIDOf returns what no UUIDv7 from t on is below, and every one from before t is. Both count in milliseconds, so t is
// rounded up. Times before 1970 are taken for 1970.
func firstIDOf(t time.Time) (id uuid.UUID) {
	ms := t.UnixMilli()
	if t.Nanosecond()%int(time.Millisecond) > 0 {
		ms++
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(ms, 0)))
	copy(id[:6], b[2:])
	return id
}
