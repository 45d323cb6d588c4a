package db

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// A transaction that loses to another one is run again this often in all, with a random pause before each new try.
const (
	maxTries   = 5
	firstPause = 5 * time.Millisecond
)

type txKey struct{}

// transaction is what ctx carries inside [Pool.InTx]. One goroutine uses it at a time.
type transaction struct {
	*sqlx.Tx
	pool       *Pool
	scope      scope
	savepoints int
	committed  []func() // to run after the commit, see [AfterCommit]
	broken     error    // what keeps it from committing: a savepoint could not be undone or left
}

// InTransaction reports whether ctx carries a transaction, which statements with it are a part of.
func InTransaction(ctx context.Context) bool { return txFrom(ctx) != nil }

func txFrom(ctx context.Context) *transaction {
	tx, _ := ctx.Value(txKey{}).(*transaction)
	return tx
}

// InTx runs fn in a transaction: calls of this package with the ctx it gets take part in it. The transaction commits when
// fn returns nil and InTx returns the error of that commit; it is rolled back when fn returns an error, which InTx
// returns, or panics.
//
// A transaction that fails with 40001 (serialization_failure) or 40P01 (deadlock_detected) is run again a few times, so fn
// must have no effects outside the database: those it hands to [AfterCommit]. A commit whose answer was lost is not retried.
//
// Inside another InTx of the same pool fn runs in a savepoint: its error undoes its own work, and the outer function
// decides about the rest. fn must not use ctx from several goroutines at once.
func (p *Pool) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return p.inTx(ctx, scope{user: scopeFrom(ctx).user}, fn)
}

func (p *Pool) inTx(ctx context.Context, s scope, fn func(ctx context.Context) error) error {
	if outer := txFrom(ctx); outer != nil && outer.pool == p {
		return outer.nested(ctx, s, fn)
	}
	for try := 1; ; try++ {
		err := p.once(ctx, s, fn)
		if err == nil || try == maxTries || !lostToAnother(err) {
			return err
		}
		p.log.Debug(ctx, "transaction_retried", logging.Int("try", try), logging.Err(err))
		if !pause(ctx, firstPause<<try) {
			return err
		}
	}
}

func lostToAnother(err error) bool {
	switch pqerror.Code(SQLState(err)) {
	case pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected:
		return true
	}
	return false
}

// pause waits a random time below limit, so that rivals do not meet again, and reports whether ctx is still alive.
func pause(ctx context.Context, limit time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(rand.N(limit)): //nolint:gosec // spreads retries, guards nothing
		return true
	}
}

// once runs fn in one new transaction.
func (p *Pool) once(ctx context.Context, s scope, fn func(ctx context.Context) error) (err error) {
	txCtx, release := acquiring(ctx, p.config.PoolTimeout)
	defer release()
	begun, err := p.db.BeginTxx(context.WithValue(txCtx, beginKey{}, s), nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", mapError(txCtx, err))
	}
	finished := false
	defer func() {
		if !finished { // fn panicked or called runtime.Goexit
			_ = begun.Rollback()
		}
	}()
	tx := &transaction{Tx: begun, pool: p, scope: s}
	err = fn(context.WithValue(txCtx, txKey{}, tx))
	finished = true
	if err == nil {
		err = tx.broken
	}
	if err != nil {
		if undo := rollback(begun); undo != nil {
			return errors.Join(err, undo)
		}
		return err
	}
	if err := begun.Commit(); err != nil {
		return fmt.Errorf("commit: %w", mapError(txCtx, err))
	}
	for _, fn := range tx.committed {
		fn()
	}
	return nil
}

// rollback returns nothing to act on when the connection is gone: the server has rolled back by itself then.
func rollback(tx *sqlx.Tx) error {
	err := tx.Rollback()
	if err == nil || errors.Is(err, sql.ErrTxDone) || connectionLost(err) {
		return nil
	}
	return fmt.Errorf("roll back: %w", describe(err))
}

// nested runs fn in a savepoint.
func (t *transaction) nested(ctx context.Context, s scope, fn func(ctx context.Context) error) error {
	outer := t.scope
	inner, enter, leave, err := outer.within(s)
	if err != nil {
		return err
	}
	t.savepoints++
	name := fmt.Sprintf("sp_%d", t.savepoints)
	if err := t.run(ctx, "savepoint "+name+enter); err != nil {
		return err
	}
	t.scope = inner
	registered := len(t.committed)
	finished := false
	defer func() {
		t.scope = outer
		if !finished { // fn panicked or called runtime.Goexit
			t.committed = t.committed[:registered]
			_ = t.undo(ctx, name)
		}
	}()
	err = fn(ctx)
	finished = true
	if err == nil {
		if err = t.run(ctx, "release savepoint "+name+leave); err == nil {
			return nil
		}
	}
	t.committed = t.committed[:registered]
	if undone := t.undo(ctx, name); undone != nil {
		return errors.Join(err, undone)
	}
	return err
}

// undo goes back to a savepoint, also when ctx has ended: what it leaves undone must not commit, nor its scope stay.
func (t *transaction) undo(ctx context.Context, savepoint string) error {
	err := t.run(context.WithoutCancel(ctx), "rollback to savepoint "+savepoint+"; release savepoint "+savepoint)
	if err != nil {
		t.broken = err
	}
	return err
}

func (t *transaction) run(ctx context.Context, statement string) error {
	if _, err := t.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("run a savepoint: %w", mapError(ctx, err))
	}
	return nil
}
