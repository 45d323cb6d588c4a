package llm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// longestStream is a bound for streams whose events never end.
const longestStream = 10 * time.Minute

// errTimeLimit is the cause of the end of an attempt that took too long.
var errTimeLimit = fmt.Errorf("llm: time limit: %w", context.DeadlineExceeded)

// attempt is a request to one member of a Chain.
type attempt struct {
	Attempt
	*candidate

	ctx    context.Context
	cancel context.CancelCauseFunc
	began  time.Time
	limit  limit
	timer  *time.Timer // for limit
	done   ticket
	tokens int // estimate of what was given to the caller
}

// limit is a bound for the time that an attempt waits for the provider.
type limit struct {
	time time.Duration
	name string
}

func shortest(limits ...limit) limit {
	return slices.MinFunc(limits, func(a, b limit) int { return cmp.Compare(a.time, b.time) })
}

// start starts the time of an attempt, which is a share of the time of its caller.
func (a *attempt) start(ctx context.Context, c *Config, share time.Duration) {
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.began = time.Now()
	a.limit = shortest(limit{c.RequestTimeout, "request_timeout"}, limit{share, "deadline_share"})
	if a.Streamed {
		a.limit = shortest(a.limit, limit{c.FirstTokenTimeout, "first_token_timeout"})
	}
	a.timer = time.AfterFunc(a.limit.time, func() { a.cancel(errTimeLimit) })
}

// receive takes an event of a stream and reports whether it has content. The time in which the caller
// handles the event does not count.
func (a *attempt) receive(e *Event) bool {
	a.timer.Stop()
	tokens := EstimateTokens(e.Text)
	if e.ToolCall != nil {
		tokens += e.ToolCall.tokens()
	}
	if tokens > 0 && a.tokens == 0 {
		a.FirstEvent = time.Since(a.began)
	}
	a.tokens += tokens
	return tokens > 0
}

// awaitEvent starts the time for the next event of a stream.
func (a *attempt) awaitEvent(c *Config) {
	a.limit = shortest(limit{c.IdleTimeout, "idle_timeout"}, limit{longestStream - time.Since(a.began), "stream_too_long"})
	a.timer.Reset(a.limit.time)
}

// failure returns the failure of an attempt for an error of its adapter. An error after the end of
// the context is due to that, unless the provider has answered.
func (a *attempt) failure(err error) *Error {
	e := &Error{Kind: KindUnknown, Cause: err}
	if err == nil { // neither a result nor an error
		e.Kind = KindTruncated
	} else if known, ok := errors.AsType[*Error](err); ok && known != nil {
		*e = *known
	}
	if _, ok := rules[e.Kind]; !ok {
		e.Kind = KindUnknown
	}
	interrupted := slices.Contains([]Kind{KindCanceled, KindTimeout, KindUnavailable, KindTruncated, KindUnknown}, e.Kind)
	switch ended := a.ctx.Err(); {
	case ended != nil && interrupted && context.Cause(a.ctx) == errTimeLimit: //nolint:errorlint // it is not wrapped
		e.Kind, e.Code = KindTimeout, a.limit.name
	case ended != nil && interrupted && errors.Is(ended, context.DeadlineExceeded): // of the caller
		e.Kind, e.Code = KindTimeout, ""
	case ended != nil && interrupted:
		e.Kind = KindCanceled
	case e.Kind == KindCanceled: // by the provider
		e.Kind = KindUnavailable
	}
	return e
}
