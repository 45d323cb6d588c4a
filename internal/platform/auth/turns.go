package auth

import (
	"context"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	waitingPerTurn = 32 // at 30 ms a hash, the last in the queue waits for a second
	longestWait    = 5 * time.Second
	retryAfter     = time.Second
)

var (
	errQueueFull = errors.Sentinel("too many password hashes are waiting")
	errTooLong   = errors.Sentinel("no turn to hash a password came in time")
)

// turns lets a number of callers work at a time, another number wait, and sends the rest away.
type turns struct {
	working chan struct{} // holds one for each that works
	inside  chan struct{} // and one for each that works or waits
}

func newTurns(working, waiting int) *turns {
	return &turns{working: make(chan struct{}, working), inside: make(chan struct{}, working+waiting)}
}

// take waits for a turn, which release gives back. It gives up with ctx, after [longestWait], and at once where too many
// wait already.
func (t *turns) take(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case t.inside <- struct{}{}:
	default:
		return nil, errors.Unavailable(errQueueFull, "", retryAfter)
	}
	timeout := time.NewTimer(longestWait)
	defer timeout.Stop()
	select {
	case t.working <- struct{}{}:
		return func() { <-t.working; <-t.inside }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout.C:
		err = errors.Unavailable(errTooLong, "", retryAfter)
	}
	<-t.inside
	return nil, err
}
