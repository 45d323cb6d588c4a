package db

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// A transaction that fails with a serialization failure, a deadlock or a plan from before a
// migration runs up to maxTries times, with a random pause before each retry.
const (
	maxTries   = 5
	firstPause = 5 * time.Millisecond
)

type txKey struct{}

// transaction is the value of txKey in ctx inside [Pool.InTx]. One goroutine uses it at a time.
type transaction struct {
	*sqlx.Tx
	pool        *Pool
	scope       scope
	afterCommit []func()
	broken      error // a savepoint could not be released or rolled back, so the transaction must not commit
}

// InTransaction reports whether statements with ctx are part of a transaction.
func InTransaction(ctx context.Context) bool { return txFrom(ctx) != nil }

func txFrom(ctx context.Context) *transaction {
	tx, _ := ctx.Value(txKey{}).(*transaction)
	return tx
}

// InTx runs fn in a transaction. Calls of this package with fn's ctx are part of it. When fn
// returns nil, InTx commits and returns the error of COMMIT. When fn returns an error or panics,
// InTx rolls back.
//
// A transaction that fails with 40001 (serialization_failure), 40P01 (deadlock_detected) or a
// prepared statement that a migration has outdated is run again a few times, so fn must pass
// effects outside the database to [AfterCommit]. A commit whose answer was lost is not retried.
//
// Inside InTx of the same pool, fn runs in a savepoint: its error undoes its own work, and the
// outer function decides about the rest. fn must not use ctx from several goroutines at once.
func (p *Pool) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return p.inTx(ctx, scope{user: scopeFrom(ctx).user}, fn)
}

// InTenant is [Pool.InTx] for the tenant of ctx: row security limits fn to the rows of that tenant.
// It returns an error for a ctx without a tenant, and inside a transaction of another tenant.
func (p *Pool) InTenant(ctx context.Context, fn func(ctx context.Context) error) error {
	s, err := tenantScope(ctx)
	if err != nil {
		return err
	}
	return p.inTx(ctx, s, fn)
}

// InTenant is [Pool.InTenant] for a function that returns a value.
func InTenant[T any](ctx context.Context, p *Pool, fn func(ctx context.Context) (T, error)) (T, error) {
	var value T
	err := p.InTenant(ctx, func(ctx context.Context) (err error) {
		value, err = fn(ctx)
		return err
	})
	return value, err
}

func (p *Pool) inTx(ctx context.Context, s scope, fn func(ctx context.Context) error) error {
	if outer := txFrom(ctx); outer != nil && outer.pool == p {
		return outer.nested(ctx, s, fn)
	}
	return p.retry(ctx, func() error { return p.once(ctx, s, fn) })
}

// retry calls run until it succeeds or fails with an error that is not retryable.
func (p *Pool) retry(ctx context.Context, run func() error) error {
	for try := 1; ; try++ {
		err := run()
		if err == nil || try == maxTries || !isRetryable(err) {
			return err
		}
		p.log.Debug(ctx, "transaction_retried", logging.Int("try", try), logging.Err(err))
		if !pause(ctx, firstPause<<try) {
			return err
		}
	}
}

// isRetryable reports whether a transaction that failed with err may succeed when it runs again.
func isRetryable(err error) bool {
	if e, ok := errors.AsType[*serverError](err); ok {
		return e.stalePlan || e.code == pqerror.TRSerializationFailure || e.code == pqerror.TRDeadlockDetected
	}
	return false
}

// pause waits a random time below limit, so that conflicting transactions do not collide again. It
// returns false when ctx has ended.
func pause(ctx context.Context, limit time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(rand.N(limit)): //nolint:gosec // spreads retries, guards nothing
		return true
	}
}

// once runs fn in a new transaction and returns the connection before it runs the AfterCommit
// functions.
func (p *Pool) once(ctx context.Context, s scope, fn func(ctx context.Context) error) error {
	tx := &transaction{pool: p, scope: s}
	var failed error // after BEGIN: not to be tried on another connection
	err := p.withConn(ctx, func(conn *sqlx.Conn) (err error) {
		if tx.Tx, err = conn.BeginTxx(context.WithValue(ctx, beginKey{}, s), nil); err == nil {
			failed = tx.run(context.WithValue(ctx, txKey{}, tx), fn)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", mapError(ctx, err))
	}
	if failed != nil {
		return failed
	}
	for _, fn := range tx.afterCommit {
		fn()
	}
	return nil
}

func (t *transaction) run(ctx context.Context, fn func(ctx context.Context) error) error {
	defer func() { _ = t.Rollback() }() // acts only after a panic or runtime.Goexit
	err := fn(ctx)
	if err == nil {
		err = t.broken
	}
	if err != nil {
		if undo := t.rollback(); undo != nil {
			return errors.Join(err, undo)
		}
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", mapError(ctx, err))
	}
	return nil
}

// rollback returns nil when the connection is lost: the server rolls back by itself then.
func (t *transaction) rollback() error {
	err := t.Rollback()
	if err == nil || errors.Is(err, sql.ErrTxDone) || connectionLost(err) {
		return nil
	}
	return fmt.Errorf("roll back: %w", describe(err))
}

// nested runs fn in a savepoint.
func (t *transaction) nested(ctx context.Context, s scope, fn func(ctx context.Context) error) (err error) {
	outer := t.scope
	inner, added, err := outer.within(s)
	if err != nil {
		return err
	}
	// A nested savepoint of the same name hides the outer one.
	if err := t.exec(ctx, "savepoint nested"+added.set()); err != nil {
		return err
	}
	t.scope = inner
	registered, released := len(t.afterCommit), false
	defer func() {
		t.scope = outer
		if released {
			return
		}
		t.afterCommit = t.afterCommit[:registered]
		// Also after a panic or runtime.Goexit, and when ctx has ended: neither the work nor the
		// scope may remain.
		undo := t.exec(context.WithoutCancel(ctx), "rollback to savepoint nested; release savepoint nested")
		if undo != nil {
			t.broken = undo
			err = errors.Join(err, undo)
		}
	}()
	if err = fn(ctx); err != nil {
		return err
	}
	err = t.exec(ctx, "release savepoint nested"+added.unset())
	released = err == nil
	return err
}

func (t *transaction) exec(ctx context.Context, statement string) error {
	if _, err := t.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("run a savepoint: %w", mapError(ctx, err))
	}
	return nil
}

// The run-time parameters that row security policies read. They are set for one transaction and are
// the empty string, not NULL, after it:
//
//	using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
//
// While a parameter is not set, a query sees no row that depends on it.
const (
	tenantSetting = "app.tenant_id"
	userSetting   = "app.user_id"
)

var (
	errNoTenant   = errors.Sentinel("ctx has no tenant")
	errOtherScope = errors.Sentinel("the transaction belongs to another tenant or user")
)

// scope holds the tenant and the user that a transaction acts for. A zero id means none.
type scope struct {
	tenant, user uuid.UUID
	readOnly     bool
}

type (
	scopeKey struct{} // the scope of later transactions
	beginKey struct{} // the scope of the transaction that begins with this ctx
)

// WithTenant returns a ctx whose [Pool.InTenant] acts for this tenant.
func WithTenant(ctx context.Context, id uuid.UUID) context.Context {
	return WithMember(ctx, id, scopeFrom(ctx).user)
}

// WithUser returns a ctx whose transactions act for this user, for policies about a user's own
// rows.
func WithUser(ctx context.Context, id uuid.UUID) context.Context {
	return WithMember(ctx, scopeFrom(ctx).tenant, id)
}

// WithMember combines [WithTenant] and [WithUser], for a user who acts in a tenant.
func WithMember(ctx context.Context, tenant, user uuid.UUID) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope{tenant: tenant, user: user})
}

func scopeFrom(ctx context.Context) scope {
	s, _ := ctx.Value(scopeKey{}).(scope)
	return s
}

func tenantScope(ctx context.Context) (scope, error) {
	s := scopeFrom(ctx)
	if s.tenant == uuid.Nil {
		return s, errors.Internal(errNoTenant, "begin a tenant transaction")
	}
	return s, nil
}

// set returns a statement that sets the scope in a transaction, with a semicolon before it. SET
// LOCAL would give each tenant and user an entry of its own in pg_stat_statements.
func (s scope) set() string { return s.config(uuid.UUID.String) }

// unset returns a statement that undoes [scope.set].
func (s scope) unset() string { return s.config(func(uuid.UUID) string { return "" }) }

func (s scope) config(value func(uuid.UUID) string) string {
	var calls []string
	if s.tenant != uuid.Nil {
		calls = append(calls, "set_config('"+tenantSetting+"', '"+value(s.tenant)+"', true)")
	}
	if s.user != uuid.Nil {
		calls = append(calls, "set_config('"+userSetting+"', '"+value(s.user)+"', true)")
	}
	if s.readOnly {
		calls = append(calls, "set_config('transaction_read_only', 'on', true)")
	}
	if calls == nil {
		return ""
	}
	return "; select " + strings.Join(calls, ", ")
}

// within returns the scope of a savepoint in a transaction of scope s, and what of it is added to
// s. A savepoint may add a tenant or a user to a transaction without one, but never change it.
func (s scope) within(inner scope) (_, added scope, err error) {
	for _, id := range []struct{ have, add, want *uuid.UUID }{
		{&s.tenant, &added.tenant, &inner.tenant}, {&s.user, &added.user, &inner.user},
	} {
		switch {
		case *id.want == uuid.Nil || *id.want == *id.have:
		case *id.have != uuid.Nil:
			return s, added, errors.Internal(errOtherScope, "begin a nested transaction")
		default:
			*id.have, *id.add = *id.want, *id.want
		}
	}
	return s, added, nil
}

// AfterCommit runs fn after the transaction of ctx has committed, the outermost one if nested, in
// the order of registration. Use it for effects outside the database: a log line, a message, a
// cache entry. Without a transaction fn runs at once.
//
// fn does not run when its transaction or savepoint is rolled back, and failed tries of a retried
// transaction are forgotten. fn does not run either when the answer to COMMIT was lost: write what
// must not be missed to a table, in the transaction.
//
// The ctx of fn has the values of ctx but no transaction, and does not end with ctx, because a
// commit stays when the client leaves; fn limits its own time. [Pool.InTx] returns after fn. A
// panic of fn is logged; the transaction stays committed and the next function runs.
func AfterCommit(ctx context.Context, fn func(ctx context.Context)) {
	if tx := txFrom(ctx); tx != nil {
		tx.afterCommit = append(tx.afterCommit, func() { runAfter(ctx, tx.pool.log, fn) })
		return
	}
	runAfter(ctx, log, fn)
}

func runAfter(ctx context.Context, log logging.Logger, fn func(ctx context.Context)) {
	ctx = context.WithValue(context.WithoutCancel(ctx), txKey{}, (*transaction)(nil))
	if err := recovered(func() { fn(ctx) }); err != nil {
		log.Exception(ctx, errors.From(err))
	}
}

// recovered calls fn and returns its panic as an error.
func recovered(fn func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = errors.Recovered(value)
		}
	}()
	fn()
	return nil
}
