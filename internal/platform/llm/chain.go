package llm

import (
	"cmp"
	"context"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	minAttempt   = time.Second            // an attempt with less time is not made
	maxWait      = 30 * time.Second       // before an attempt
	firstBackoff = 500 * time.Millisecond // at most, before a second attempt at the same model
	lastBackoff  = 8 * time.Second
)

// rule is what a kind of failure means for a Chain.
type rule struct {
	next    bool // another model may do better
	retries int  // at the same model, if there is no other
	breaker effect
	code    errors.Code // for the caller if the request fails
}

const anyNumber = math.MaxInt

var rules = map[Kind]rule{
	KindInvalidRequest: {false, 0, excluded, errors.CodeLLMInvalidRequest},
	KindContextLength:  {true, 0, excluded, errors.CodeLLMContextTooLong}, // next: with a larger window
	KindContentFilter:  {false, 0, excluded, errors.CodeLLMContentFiltered},
	KindAuth:           {true, 0, opens, errors.CodeLLMUnavailable},
	KindRegion:         {true, 0, counts, errors.CodeLLMUnavailable},
	KindQuota:          {true, 0, opens, errors.CodeLLMUnavailable},
	KindModelNotFound:  {true, 0, opens, errors.CodeLLMUnavailable},
	KindRateLimit:      {true, anyNumber, opens, errors.CodeLLMUnavailable},
	KindOverloaded:     {true, anyNumber, counts, errors.CodeLLMUnavailable},
	KindUnavailable:    {true, anyNumber, counts, errors.CodeLLMUnavailable},
	KindTimeout:        {true, 1, counts, errors.CodeLLMTimeout},
	KindTruncated:      {true, anyNumber, counts, errors.CodeLLMTruncated},
	KindCanceled:       {false, 0, excluded, errors.CodeClientClosedRequest},
	KindUnknown:        {true, 0, counts, errors.CodeLLMUnavailable},
	KindUnsupported:    {true, 0, excluded, errors.CodeLLMInvalidRequest},
	KindCooldown:       {false, 0, excluded, errors.CodeLLMUnavailable},
}

// Chain is a Provider that asks models in their order until one answers. The documentation of the
// package has its rules.
type Chain struct {
	members  []*member
	config   Config
	observer Observer
}

// member is a model of a Chain.
type member struct {
	Adapter
	attempt  Attempt // what all attempts have in common
	features Features
	price    price
	breaker  *breaker
}

// ChainOptions are what a Chain needs besides adapters.
type ChainOptions struct {
	Config   Config
	Prices   *Prices
	Log      logging.Logger // the zero value is the log of this package
	Observer Observer       // called after the log, or nil
}

// NewChain returns a Chain of at least one adapter.
func NewChain(adapters []Adapter, o ChainOptions) (*Chain, error) {
	if len(adapters) == 0 || o.Prices == nil {
		return nil, errors.Sentinel("llm: a chain needs an adapter and prices")
	}
	c := &Chain{config: o.Config}
	for i, a := range adapters {
		info := a.Info()
		price, known := o.Prices.find(info)
		c.members = append(c.members, &member{
			Adapter: a, features: info.Features, price: price,
			attempt: Attempt{Provider: info.Provider, Model: info.Model, Position: i, CostKnown: known},
			breaker: newBreaker(o.Config.BreakerThreshold, o.Config.BreakerCooldown),
		})
	}
	c.observer = newLogObserver(cmp.Or(o.Log, log), c.members, o.Observer)
	return c, nil
}

// Windows returns how many tokens of request and answer together each model takes, or zero where that
// is not known.
func (c *Chain) Windows() (windows []int) {
	for _, m := range c.members {
		windows = append(windows, m.price.window)
	}
	return windows
}

// Worst returns what a request may cost with the dearest model, for a reservation. Attempts that fail
// before are not part of it: providers rarely charge for them.
func (c *Chain) Worst(r *Request) (worst Cost) {
	u := Usage{Input: EstimateInput(r), Output: cmp.Or(r.MaxTokens, c.config.MaxTokens)}
	cached := u
	cached.CacheWrite = u.Input
	for _, m := range c.members {
		worst = max(worst, m.price.cost(u), m.price.cost(cached))
	}
	return worst
}

// Generate implements [Provider].
func (c *Chain) Generate(ctx context.Context, r *Request) (*Response, error) {
	var resp *Response
	_, err := c.run(ctx, r, false, func(a *attempt) (_ *Result, err error) {
		if resp, err = a.Generate(a.ctx, r); err != nil || resp == nil {
			return nil, err
		}
		return &resp.Result, nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// Stream implements [Provider]. An event without content resets the idle timeout and is not passed
// on.
func (c *Chain) Stream(ctx context.Context, r *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		reading := true
		result, err := c.run(ctx, r, true, func(a *attempt) (*Result, error) {
			for e, err := range a.Stream(a.ctx, r) {
				if err != nil || e.Result != nil {
					return e.Result, err
				}
				if a.receive(&e) && !yield(e, nil) {
					reading = false
					a.cancel(nil)
					return nil, a.ctx.Err()
				}
				a.awaitEvent(&c.config)
			}
			return nil, nil
		})
		if reading {
			yield(Event{Result: result}, err)
		}
	}
}

// run makes attempts until ask has a result, or nothing is left to be tried.
func (c *Chain) run(
	ctx context.Context, r *Request, stream bool, ask func(*attempt) (*Result, error),
) (*Result, error) {
	q := c.newRequest(r, stream)
	for {
		a, err := q.begin(ctx)
		if err != nil {
			return nil, err
		}
		result, failure := q.try(a, ask)
		if failure == nil {
			return result, nil
		}
		if err := q.consider(a, failure); err != nil {
			return nil, err
		}
	}
}

// request is a request on its way through a Chain.
type request struct {
	*Chain

	r          *Request
	stream     bool
	length     int // of the prompt
	candidates []candidate
	passed     int       // candidates that had their turn
	made       int       // attempts
	attempts   []Attempt // that failed, and models that were passed over
	reported   int       // attempts that the observer knows about
	cost       Cost      // of the attempts
	outcome    Error     // of the request if no attempt follows
}

// candidate is a member of the Chain that a request may ask.
type candidate struct {
	*member
	out   Kind // why it is not asked, or not again
	tries int
	ready time.Time // for another try
}

func (c *Chain) newRequest(r *Request, stream bool) *request {
	q := &request{
		Chain: c, r: r, stream: stream, length: len(r.System), candidates: make([]candidate, len(c.members)),
		outcome: Error{Kind: KindUnsupported},
	}
	for i := range r.Messages {
		q.length += len(r.Messages[i].Text)
	}
	features := r.Features()
	for i, m := range c.members {
		q.candidates[i].member = m
		if features&^m.features != 0 {
			q.candidates[i].out = KindUnsupported
		}
	}
	return q
}

// attemptAt returns an attempt that is not made yet.
func (q *request) attemptAt(m *member) Attempt {
	a := m.attempt
	a.Streamed, a.PromptLength = q.stream, q.length
	return a
}

// begin starts the next attempt, after a pause if there has to be one. Its error is that of the
// request.
func (q *request) begin(ctx context.Context) (*attempt, error) {
	for {
		left := time.Duration(math.MaxInt64)
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		switch {
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, q.failed(&Error{Kind: KindCanceled})
		case left < minAttempt:
			return nil, q.failed(&Error{Kind: KindTimeout})
		case q.made == q.config.MaxAttempts:
			return nil, q.failed(&q.outcome)
		}
		if c, done := q.usable(); c != nil {
			return q.start(ctx, c, done, left), nil
		}
		c, wait := q.soonest(left)
		if c == nil {
			return nil, q.failed(&q.outcome)
		}
		select {
		case <-ctx.Done(): // the next round says so
		case <-time.After(wait):
			done, _ := c.breaker.allow(true)
			return q.start(ctx, c, done, left-wait), nil
		}
	}
}

// usable returns the next candidate in the order of the chain that can be asked at once, or nil. It
// notes why others were passed over.
func (q *request) usable() (*candidate, ticket) {
	for q.passed < len(q.candidates) {
		c := &q.candidates[q.passed]
		q.passed++
		reason := c.out
		if reason == "" {
			if done, ok := c.breaker.allow(false); ok {
				return c, done
			}
			reason = KindCooldown
		}
		skipped := q.attemptAt(c.member)
		skipped.Kind = reason
		q.attempts = append(q.attempts, skipped)
		if q.made == 0 && reason == KindCooldown {
			q.outcome.Kind = KindCooldown
		}
	}
	return nil, nil
}

// soonest returns the candidate that is ready first, of those that have failed or are in a pause, and
// how long to wait for it, or nil. To ask a model in a pause is better than to fail, but a pause that
// the provider asked for is kept.
func (q *request) soonest(left time.Duration) (best *candidate, wait time.Duration) {
	least := time.Duration(math.MaxInt64)
	for i := range q.candidates {
		c := &q.candidates[i]
		ready, keep := c.breaker.pause()
		if c.tries > 0 {
			ready, keep = max(time.Until(c.ready), 0), true
		}
		need := ready
		if !keep {
			need = 0
		}
		if c.out == "" && ready < least && need <= min(maxWait, left-minAttempt) {
			best, wait, least = c, need, ready
		}
	}
	return best, wait
}

// start starts an attempt. It leaves time for attempts at the models that follow.
func (q *request) start(ctx context.Context, c *candidate, done ticket, left time.Duration) *attempt {
	shares := 1
	for i := range q.candidates[q.passed:] {
		other := &q.candidates[q.passed+i]
		if pause, _ := other.breaker.pause(); pause == 0 && other.out == "" {
			shares++
		}
	}
	shares = min(shares, q.config.MaxAttempts-q.made)
	q.made++
	c.tries++
	a := &attempt{Attempt: q.attemptAt(c.member), candidate: c, done: done}
	ctx = q.observer.AttemptStarted(ctx, &a.Attempt, q.attempts[q.reported:])
	q.reported = len(q.attempts)
	a.start(ctx, &q.config, max(left/time.Duration(shares), minAttempt))
	return a
}

// try makes an attempt and reports how it ended, also after a panic.
func (q *request) try(a *attempt, ask func(*attempt) (*Result, error)) (result *Result, failure *Error) {
	defer func() {
		if result == nil && failure == nil {
			failure = &Error{Kind: KindCanceled}
		}
		a.timer.Stop()
		q.end(a, result, failure)
		a.cancel(nil)
	}()
	result, err := ask(a)
	if result == nil {
		failure = a.failure(err)
	}
	return result, failure
}

// end reports the end of an attempt to the breaker and the observer.
func (q *request) end(a *attempt, r *Result, e *Error) {
	a.Duration = time.Since(a.began)
	if e != nil {
		e.Provider, e.Model, e.Committed = a.Provider, a.Model, a.tokens > 0
		a.Kind, a.Status, a.RequestID, a.Usage = e.Kind, e.Status, e.RequestID, q.charged(a, e)
	} else {
		a.Finish, a.RequestID, a.Usage = r.Finish, r.RequestID, r.Usage
	}
	a.Cost = a.price.cost(a.Usage)
	q.cost += a.Cost
	if e != nil {
		q.attempts = append(q.attempts, a.Attempt)
	} else {
		r.Provider, r.Model = cmp.Or(r.Provider, a.Provider), cmp.Or(r.Model, a.Model)
		r.Cost, r.Attempts = q.cost, q.attempts
	}
	a.BreakerOpened, a.BreakerClosed = a.breaker.report(a.done, e)
	q.observer.AttemptEnded(a.ctx, &a.Attempt, e)
}

// charged returns what a provider may charge for an attempt that failed. Without a count of its own
// that is an estimate: the provider may have written an answer of which nothing has arrived.
func (q *request) charged(a *attempt, e *Error) Usage {
	u := e.Usage
	if u.Input == 0 && (e.Committed || e.Kind == KindTimeout || e.Kind == KindTruncated || e.Kind == KindCanceled) {
		u.Input, u.Estimated = EstimateInput(q.r), true
		if !a.Streamed {
			u.Output = cmp.Or(q.r.MaxTokens, q.config.MaxTokens)
		}
	}
	if u.Output < a.tokens {
		u.Output, u.Estimated = a.tokens, true
	}
	return u
}

// consider decides whether a failed attempt may be followed by another one. If not, it returns the
// error of the request.
func (q *request) consider(a *attempt, e *Error) error {
	switch {
	case q.made == 1:
		q.outcome = *e
	case q.outcome.Kind == e.Kind:
		q.outcome = Error{Kind: e.Kind}
	default:
		q.outcome = Error{Kind: KindUnavailable}
	}
	rule, c := rules[e.Kind], a.candidate
	if c.tries > rule.retries {
		c.out = e.Kind
	}
	if e.Kind == KindContextLength {
		rule.next = false
		for i := range q.candidates {
			other := &q.candidates[i]
			if other.price.window <= c.price.window {
				other.out = cmp.Or(other.out, KindContextLength)
			}
			rule.next = rule.next || other.out == ""
		}
	}
	if e.Committed || !rule.next {
		return q.failed(e)
	}
	wait := jitter(min(firstBackoff<<min(c.tries-1, 10), lastBackoff))
	if e.RetryAfter > 0 { // not before, and not all at once
		wait = max(min(e.RetryAfter+jitter(e.RetryAfter/10), maxWait), e.RetryAfter)
	}
	c.ready = time.Now().Add(wait)
	return nil
}

func jitter(d time.Duration) time.Duration { return rand.N(d + 1) } //nolint:gosec // not a secret

// failed returns the error of a request for its caller, who may try again after the shortest pause.
func (q *request) failed(e *Error) error {
	e.Attempts, e.Cost = q.attempts, q.cost
	err := errors.Wrap(e, rules[e.Kind].code, "")
	if len(q.attempts) > 0 {
		err.Details = map[string]any{"attempts": q.attempts}
	}
	if err.Code == errors.CodeLLMUnavailable {
		least := time.Duration(0)
		for _, m := range q.members {
			if pause, _ := m.breaker.pause(); pause > 0 && (least == 0 || pause < least) {
				least = pause
			}
		}
		e.RetryAfter = cmp.Or(least, time.Second)
		err.RetryAfter = e.RetryAfter
	}
	return err
}
