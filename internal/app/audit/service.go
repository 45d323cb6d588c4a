package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Recorder records what other features do. [Trail] implements it.
type Recorder interface {
	Record(ctx context.Context, e Entry) error
}

// Trail writes and reads the audit trail. It is safe for concurrent use.
type Trail struct {
	pool     *db.Pool
	store    store
	log      logging.Logger
	throttle throttle
}

// NewTrail returns a trail over the pool.
func NewTrail(pool *db.Pool) *Trail {
	return &Trail{
		pool: pool, store: store{pool}, log: log, throttle: throttle{now: time.Now, last: map[refusal]*lastRow{}},
	}
}

var (
	errNoEvent       = errors.Sentinel("audit: entry without an event")
	errNoTransaction = errors.Sentinel("audit: Record called outside a transaction")
)

// Record adds an entry to the trail of the transaction's tenant, or to the system trail without
// one. Return its error from the transaction, so that a change without an entry is rolled back. The
// log line is written after the commit.
func (t *Trail) Record(ctx context.Context, e Entry) error {
	if !db.InTransaction(ctx) {
		return errors.Internal(errNoTransaction, "record "+db.Text(e.Event, maxWord))
	}
	if e.Event == "" {
		return errors.Internal(errNoEvent, "record an audit entry")
	}
	r := e.complete(ctx)
	var err error
	if r.tenant, err = t.store.insert(ctx, r); err != nil {
		return err
	}
	db.AfterCommit(ctx, func(ctx context.Context) { t.write(ctx, r) })
	return nil
}

// List returns a page of the events of the tenant of ctx that match a filter, newest first.
func (t *Trail) List(ctx context.Context, f Filter, q paging.Query) (paging.Page[Event], error) {
	load := func(after paging.Position, limit int) ([]Event, error) {
		return t.store.list(ctx, f, after, limit)
	}
	position := func(e Event) paging.Position { return paging.Position{Time: e.OccurredAt, ID: e.ID} }
	return paging.Load(q, f.values(), position, load)
}

// Denied records that a permission was missing, for [auth.Require].
func (t *Trail) Denied(ctx context.Context, d auth.Denial) {
	t.recordRefusal(ctx, d.Principal, d.Route, Entry{
		Event: "permission_denied", TargetType: "permission", TargetID: string(d.Permission), Reason: d.Reason,
		Details: map[string]any{"route": d.Route},
	})
}

// Rejected records that a credential was rejected, for [auth.Authentication]. A credential without a
// known principal is only logged: otherwise anybody could fill the table. The same holds for expired
// credentials, which every client sends now and then.
func (t *Trail) Rejected(ctx context.Context, x auth.Rejection) {
	e := Entry{Event: "token_rejected", Reason: string(x.Reason)}
	if x.Principal.TenantID == uuid.Nil || x.Reason == auth.ReasonExpired || x.Reason == auth.ReasonAPIKeyExpired {
		t.writeOnly(ctx, x.Principal, e)
	} else {
		t.recordRefusal(ctx, x.Principal, "", e)
	}
}

const refusalTimeout = 5 * time.Second

// recordRefusal records a refused request in a transaction of its own. A repeated refusal gets a
// log line each time, but only one row a minute, which counts the repetitions before it. The
// response does not depend on the trail, so an error is logged.
func (t *Trail) recordRefusal(ctx context.Context, p auth.Principal, route string, e Entry) {
	key := refusal{p.TenantID, p.UserID, cmp.Or(p.APIKeyID, p.SessionID), e.Event, e.TargetID, e.Reason, route}
	repeated, ok := t.throttle.allow(key)
	if !ok {
		t.writeOnly(ctx, p, e)
		return
	}
	entry := e.by(p)
	if repeated > 0 {
		entry.Details = map[string]any{"repeated": repeated}
		maps.Copy(entry.Details, e.Details)
	}
	// A client that disconnects is recorded, too.
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTimeout)
	defer cancel()
	own = db.WithMember(own, p.TenantID, p.UserID)
	err := t.pool.InTenant(own, func(ctx context.Context) error { return t.Record(ctx, entry) })
	if err != nil {
		t.throttle.forget(key)
		t.writeOnly(ctx, p, e)
		t.log.Error(ctx, "audit_failed", logging.Err(fmt.Errorf("record %s: %w", e.Event, err)))
	}
}

// writeOnly writes the log line of an entry without a row.
func (t *Trail) writeOnly(ctx context.Context, p auth.Principal, e Entry) {
	r := e.by(p).complete(ctx)
	r.ID, r.tenant = uuid.Nil, p.TenantID
	t.write(ctx, r)
}

// write writes the log line of an event. Details come last and replace fields of the same name:
// session_id is then the session that was revoked, not that of the actor.
func (t *Trail) write(ctx context.Context, r record) {
	fields := []logging.Field{logging.String("outcome", r.Outcome)}
	ids := []uuid.UUID{r.ID, r.tenant, r.ActorID.UUID, r.SessionID.UUID, r.APIKeyID.UUID}
	for i, name := range []string{"audit_id", "tenant_id", "user_id", "session_id", "api_key_id"} {
		if ids[i] != uuid.Nil {
			fields = append(fields, logging.String(name, ids[i].String()))
		}
	}
	texts := []*string{r.TargetType, r.TargetID, r.Reason, r.RemoteIP}
	for i, name := range []string{"target_type", "target_id", "reason", "remote_ip"} {
		if texts[i] != nil {
			fields = append(fields, logging.String(name, *texts[i]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.details)) {
		fields = append(fields, logging.Any(name, r.details[name]))
	}
	if r.Outcome == success {
		t.log.Audit(ctx, r.Event.Event, fields...)
	} else {
		t.log.AuditWarn(ctx, r.Event.Event, fields...)
	}
}

const (
	rowInterval = time.Minute // between two rows for the same refusal
	maxRefusals = 4096        // that the throttle remembers; then it starts again
)

// refusal identifies refusals that count as the same: who was refused what, with which session or
// key, and why.
type refusal struct {
	tenant, actor, credential uuid.UUID
	event, target, reason     string
	route                     string
}

// throttle limits the rows for repeated refusals, because nobody may delete from the table.
type throttle struct {
	now  func() time.Time
	mu   sync.Mutex
	last map[refusal]*lastRow
}

type lastRow struct {
	at      time.Time
	skipped int // refusals since then
}

// allow reports whether a refusal gets a row, and how many were skipped since the row before.
func (t *throttle) allow(r refusal) (skipped int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	switch last := t.last[r]; {
	case last == nil && len(t.last) >= maxRefusals:
		clear(t.last)
	case last != nil && now.Sub(last.at) < rowInterval:
		last.skipped++
		return 0, false
	case last != nil:
		skipped = last.skipped
	}
	t.last[r] = &lastRow{at: now}
	return skipped, true
}

// forget undoes allow for a row that could not be written.
func (t *throttle) forget(r refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, r)
}
