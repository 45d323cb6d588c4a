package audit

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Denied records that a permission was missing. It is made for [auth.Require].
func (r *Recorder) Denied(ctx context.Context, d auth.Denial) {
	e := Entry{Event: "permission_denied", Outcome: Failure, TargetType: "permission", TargetID: string(d.Permission), Reason: d.Reason}
	if d.Route != "" {
		e.Details = map[string]any{"route": d.Route}
	}
	r.alone(ctx, d.Principal, e, d.Route)
}

// Rejected records that a credential was refused. It is made for [auth.Authentication]. One that is nobody's is only logged,
// for anybody could fill the table with such; so is one that has expired, which every client brings now and then.
func (r *Recorder) Rejected(ctx context.Context, x auth.Rejection) {
	e := Entry{Event: "token_rejected", Outcome: Failure, Reason: x.Reason}
	if x.Principal.TenantID == uuid.Nil || x.Reason == auth.ErrTokenExpired.Error() || x.Reason == auth.ErrAPIKeyExpired.Error() {
		r.tellOnly(ctx, x.Principal, e)
		return
	}
	r.alone(ctx, x.Principal, e, "")
}

const aloneTimeout = 5 * time.Second

// alone records what has no transaction of its own: a request that was refused. Who is refused the same over and over gets a row
// a minute, which says how often it was meanwhile, and a line each time. The answer does not wait for the trail to work, so an
// entry that cannot be written is logged with the error.
func (r *Recorder) alone(ctx context.Context, p auth.Principal, e Entry, route string) {
	same := repetition{p.TenantID, p.UserID, either(p.APIKeyID, p.SessionID), e.Event, e.TargetID, e.Reason, route}
	repeated, again := r.throttled.take(same)
	if again {
		r.tellOnly(ctx, p, e)
		return
	}
	if repeated > 0 {
		details := map[string]any{"repeated": repeated}
		maps.Copy(details, e.Details)
		e.Details = details
	}
	acting, cancel := context.WithTimeout(context.WithoutCancel(ctx), aloneTimeout) // a client that goes away erases nothing
	defer cancel()
	acting = db.WithMember(auth.WithPrincipal(acting, p), p.TenantID, p.UserID)
	err := r.pool.InTenant(acting, func(ctx context.Context) error { return r.Record(ctx, e) })
	if err != nil {
		r.throttled.forget(same)
		r.tellOnly(ctx, p, e)
		r.log.Error(ctx, "audit_failed", logging.Err(fmt.Errorf("record %s: %w", e.Event, err)))
	}
}

// tellOnly writes the line of an entry that has no row.
func (r *Recorder) tellOnly(ctx context.Context, p auth.Principal, e Entry) {
	ctx = auth.WithPrincipal(ctx, p)
	e, err := e.completed(ctx)
	if err != nil {
		r.log.Error(ctx, "audit_failed", logging.Err(err))
		return
	}
	e.ID, e.TenantID = uuid.Nil, p.TenantID
	r.line(ctx, e)
}
