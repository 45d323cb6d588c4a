package audit

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

var errNoTransaction = errors.Sentinel("an audit entry belongs into the transaction of what it tells of, and ctx has none")

// Recorder writes the audit trail. It is safe for concurrent use. Close it when nothing records any more.
type Recorder struct {
	pool      *db.Pool
	queues    []*queue
	log       logging.Logger
	throttled throttle
}

// NewRecorder returns a recorder that hands what it has recorded to each of the sinks, in the order of the commits of one
// goroutine. Each sink has a bounded queue and a goroutine of its own, which end with [Recorder.Close].
func NewRecorder(pool *db.Pool, sinks ...Sink) *Recorder {
	r := &Recorder{pool: pool, log: log}
	for _, sink := range sinks {
		r.queues = append(r.queues, startQueue(sink, r))
	}
	return r
}

// Record adds an entry to the trail of the tenant that the transaction of ctx acts for, or to that of the system where it acts
// for none. When the entry cannot be written that is an error, and so is a ctx without a transaction: return it, so that what
// the entry tells of is undone.
//
// The line in the log is written, and sinks are told, once the transaction has committed.
func (r *Recorder) Record(ctx context.Context, e Entry) error {
	if !db.InTransaction(ctx) {
		return errors.Internal(errNoTransaction, "record "+db.Text(e.Event, maxWord))
	}
	e, err := e.completed(ctx)
	if err != nil {
		return err
	}
	if e.TenantID, err = (store{r.pool}).insert(ctx, e); err != nil {
		return err
	}
	db.AfterCommit(ctx, func(ctx context.Context) { r.tell(ctx, e) })
	return nil
}

// tell writes the line and hands the entry on.
func (r *Recorder) tell(ctx context.Context, e Entry) {
	r.line(ctx, e)
	for _, q := range r.queues {
		q.offer(ctx, e)
	}
}

func (r *Recorder) line(ctx context.Context, e Entry) {
	if e.Outcome == Success {
		r.log.Audit(ctx, e.Event, e.fields()...)
	} else {
		r.log.AuditWarn(ctx, e.Event, e.fields()...)
	}
}

// fields are what the line says. Details are fields of their own, and come last: a session that was ended, for example, is
// named in place of the one that it was ended from.
func (e Entry) fields() []logging.Field {
	fields := []logging.Field{logging.String("outcome", e.Outcome)}
	for _, id := range []struct {
		name string
		id   uuid.UUID
	}{{"audit_id", e.ID}, {"tenant_id", e.TenantID}, {"user_id", e.ActorID}, {"session_id", e.SessionID}, {"api_key_id", e.APIKeyID}} {
		if id.id != uuid.Nil {
			fields = append(fields, logging.String(id.name, id.id.String()))
		}
	}
	for _, text := range []struct{ name, text string }{
		{"target_type", e.TargetType}, {"target_id", e.TargetID}, {"reason", e.Reason}, {"remote_ip", e.RemoteIP},
	} {
		if text.text != "" {
			fields = append(fields, logging.String(text.name, text.text))
		}
	}
	for name, value := range e.Details {
		fields = append(fields, logging.Any(name, value))
	}
	return fields
}
