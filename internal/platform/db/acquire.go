package db

import (
	"context"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// errPoolTimeout is the cause of a ctx whose wait for a connection took longer than DB_POOL_TIMEOUT.
var errPoolTimeout = errors.Sentinel("no database connection became free in time")

type acquireKey struct{}

// acquiring returns a ctx that ends when no connection has been had within timeout. database/sql knows one ctx for the
// wait and for the statement, so the driver connection stops the clock by calling [acquired] once it has the statement.
// Call release when the statement or the transaction is over.
func acquiring(ctx context.Context, timeout time.Duration) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	clock := time.AfterFunc(timeout, func() { cancel(errPoolTimeout) })
	return context.WithValue(ctx, acquireKey{}, clock), func() {
		clock.Stop()
		cancel(nil)
	}
}

// acquired stops the clock of [acquiring].
func acquired(ctx context.Context) {
	if clock, ok := ctx.Value(acquireKey{}).(*time.Timer); ok {
		clock.Stop()
	}
}
