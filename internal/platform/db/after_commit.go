package db

import (
	"context"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// AfterCommit runs fn once the transaction of ctx has committed, the outermost one where they are nested, after those that were
// registered before it. It is for what must not happen unless the transaction did: a line in the log, a message, a cache that
// forgets. Outside of a transaction fn runs at once.
//
// fn does not run when the transaction is rolled back, nor when its savepoint is, and a transaction that is retried forgets
// what its lost tries have registered. It does not run either when the answer to COMMIT was lost, since nobody knows then: what
// must not be missed belongs into a table, in the transaction.
//
// The ctx that fn gets has the values of ctx but no transaction. It does not end with ctx, for the client that goes away
// undoes no commit, so fn sets a time limit for what may hang. [Pool.InTx] returns after fn has. A panic of fn is logged; the
// functions after it still run, and the transaction counts as what it is, committed.
func AfterCommit(ctx context.Context, fn func(ctx context.Context)) {
	if tx := txFrom(ctx); tx != nil {
		tx.committed = append(tx.committed, func() { runAfter(ctx, tx.pool.log, fn) })
		return
	}
	runAfter(ctx, log, fn)
}

func runAfter(ctx context.Context, log logging.Logger, fn func(ctx context.Context)) {
	ctx = context.WithValue(context.WithoutCancel(ctx), txKey{}, (*transaction)(nil))
	ctx = context.WithValue(ctx, acquireKey{}, (*acquisition)(nil))
	defer func() {
		if value := recover(); value != nil {
			log.Exception(ctx, errors.Recovered(value))
		}
	}()
	fn(ctx)
}
