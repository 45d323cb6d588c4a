package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = `id, occurred_at, event, outcome, actor_id, session_id, api_key_id, target_type, target_id, reason,
	remote_ip, correlation_id, details`

// store accesses the table audit_events. Its methods run in a transaction; row security, not their
// SQL, separates tenants.
type store struct{ pool *db.Pool }

// insert adds an event for the tenant of the transaction and returns that tenant, zero for none.
// The INSERT itself has no RETURNING, because the service may not read rows of the system trail.
func (s store) insert(ctx context.Context, r record) (uuid.UUID, error) {
	details, err := json.Marshal(r.details)
	if err != nil {
		return uuid.Nil, errors.Internal(err, "encode the details of an audit entry")
	}
	tenant, err := db.One[uuid.NullUUID](ctx, s.pool, `
		with added as (
			insert into audit_events (tenant_id, `+columns+`)
			values (nullif(current_setting('app.tenant_id', true), '')::uuid,
				$1, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12))
		select nullif(current_setting('app.tenant_id', true), '')::uuid`,
		r.ID, r.Event.Event, r.Outcome, r.ActorID, r.SessionID, r.APIKeyID, r.TargetType, r.TargetID, r.Reason,
		r.RemoteIP, r.CorrelationID, string(details))
	if err != nil {
		return uuid.Nil, fmt.Errorf("insert an audit entry: %w", err)
	}
	return tenant.UUID, nil
}

// list returns at most limit events after a position, newest first.
func (s store) list(ctx context.Context, f Filter, after paging.Position, limit int) ([]Event, error) {
	var where db.Conditions
	if !after.IsZero() {
		where.And("(occurred_at, id) < (?, ?)", after.Time, after.ID)
	}
	for _, c := range []struct {
		applies   bool
		condition string
		arg       any
	}{
		{f.Event != "", "event = ?", f.Event},
		{f.ActorID != uuid.Nil, "actor_id = ?", f.ActorID},
		{f.TargetType != "", "target_type = ?", f.TargetType},
		{f.TargetID != "", "target_id = ?", f.TargetID},
		{!f.Since.IsZero(), "occurred_at >= ?", microseconds(f.Since)},
		{!f.Until.IsZero(), "occurred_at < ?", microseconds(f.Until)},
	} {
		if c.applies {
			where.And(c.condition, c.arg)
		}
	}
	query := `select ` + columns + ` from audit_events` + where.SQL() + ` order by occurred_at desc, id desc limit ` +
		where.Arg(limit)
	list, err := db.ReadAll[Event](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	return list, nil
}

// microseconds rounds t up to the precision of the database, which rounds to the nearest one.
func microseconds(t time.Time) time.Time {
	return t.Add(time.Microsecond - time.Nanosecond).Truncate(time.Microsecond)
}
