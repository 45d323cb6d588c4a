package db

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// errPoolTimeout is the cause of a ctx whose wait for a connection took longer than DB_POOL_TIMEOUT.
var errPoolTimeout = errors.Sentinel("no database connection became free in time")

type acquireKey struct{}

// acquisition is the wait of a statement or a transaction for its connection.
type acquisition struct {
	clock   *time.Timer
	timeout time.Duration
	had     atomic.Bool // a connection has been had
}

// acquiring returns a ctx that ends when no connection has been had within timeout. database/sql knows one ctx for the
// wait and for the statement, so the driver connection stops the clock by calling [acquired] once it has the statement.
// Call release when the statement or the transaction is over.
func acquiring(ctx context.Context, timeout time.Duration) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &acquisition{timeout: timeout, clock: time.AfterFunc(timeout, func() { cancel(errPoolTimeout) })}
	return context.WithValue(ctx, acquireKey{}, a), func() {
		a.clock.Stop()
		cancel(nil)
	}
}

func acquisitionFrom(ctx context.Context) *acquisition {
	a, _ := ctx.Value(acquireKey{}).(*acquisition)
	return a
}

// acquired stops the clock of [acquiring].
func acquired(ctx context.Context) {
	if a := acquisitionFrom(ctx); a != nil {
		a.had.Store(true)
		a.clock.Stop()
	}
}

// lost starts the clock anew where err makes database/sql wait for another connection.
func lost(ctx context.Context, err error) {
	if !errors.Is(err, driver.ErrBadConn) {
		return
	}
	if a := acquisitionFrom(ctx); a != nil {
		a.had.Store(false)
		a.clock.Reset(a.timeout)
	}
}

// waitedInVain reports whether ctx has ended, by the clock or by a deadline of its own, before there was a connection.
func waitedInVain(ctx context.Context) bool {
	if errors.Is(context.Cause(ctx), errPoolTimeout) {
		return true
	}
	a := acquisitionFrom(ctx)
	return a != nil && !a.had.Load() && errors.Is(ctx.Err(), context.DeadlineExceeded)
}
