package llm

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	settleTimeout = 10 * time.Second
	settleTries   = 3
	settlePause   = 200 * time.Millisecond // before the second try, then twice as long
)

var log = logging.For()

// ErrBudget is what [Ledger.Reserve] returns for an amount over the limit.
var ErrBudget = errors.Sentinel("llm: the budget is used up")

// Ledger keeps what each tenant has spent on each day (UTC), for all replicas. The tenant is that of
// ctx.
type Ledger interface {
	// Reserve adds an amount to what is spent today. It returns [ErrBudget], and adds nothing, if that
	// would exceed the limit. A limit of zero is none.
	Reserve(ctx context.Context, amount, limit Cost) (id uuid.UUID, err error)

	// Settle replaces a reservation by what was spent. It may be repeated after an error.
	Settle(ctx context.Context, id uuid.UUID, actual Cost) error
}

// Budget is a Provider that refuses requests of a tenant which has spent its Limit, before Next is
// called, and charges what all attempts of a request cost, also for one that failed or whose caller
// has left.
//
// It reserves what the answer may cost with the dearest model, so that concurrent requests cannot
// exceed the limit together. What was reserved is exceeded only by failed attempts that a provider
// charges for, and by a text with more tokens than [EstimateTokens] believes. Without a Limit, costs
// are recorded all the same: they show what limit a tenant needs.
type Budget struct {
	Next   Provider            // returns its costs, as a Chain does
	Worst  func(*Request) Cost // what a request may cost, as Chain.Worst does
	Ledger Ledger
	Limit  Cost // of a tenant on a day; zero for none
}

// Generate implements [Provider]. It also returns errors of the Ledger.
func (b *Budget) Generate(ctx context.Context, r *Request) (*Response, error) {
	id, cost, err := b.reserve(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { b.settle(ctx, id, cost) }()
	resp, err := b.Next.Generate(ctx, r)
	if err != nil {
		cost = costOf(err, cost)
		return nil, err //nolint:wrapcheck // a decorator
	}
	cost = resp.Cost
	return resp, nil
}

// Stream implements [Provider]. It also returns errors of the Ledger.
//
// When the loop breaks, Stream cancels the request and reads on to its error, which has the costs.
func (b *Budget) Stream(ctx context.Context, r *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		id, cost, err := b.reserve(ctx, r)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer func() { b.settle(ctx, id, cost) }()
		streaming, cancel := context.WithCancel(ctx)
		defer cancel()
		reading := true
		for e, err := range b.Next.Stream(streaming, r) {
			if err != nil {
				cost = costOf(err, cost)
			} else if e.Result != nil {
				cost = e.Result.Cost
			}
			if reading && !yield(e, err) {
				reading = false
				cancel()
			}
		}
	}
}

// costOf returns the cost of a failed request, or what was reserved if that is not known.
func costOf(err error, reserved Cost) Cost {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Cost
	}
	return reserved
}

func (b *Budget) reserve(ctx context.Context, r *Request) (id uuid.UUID, amount Cost, err error) {
	amount = b.Worst(r)
	id, err = b.Ledger.Reserve(ctx, amount, b.Limit)
	if errors.Is(err, ErrBudget) {
		e := errors.Wrap(&Error{Kind: KindBudget, Cause: err}, errors.CodeLLMBudgetExceeded,
			"The budget for language models of today (UTC) does not suffice for this request").
			With("daily_budget_usd", b.Limit.USD())
		now := time.Now().UTC()
		e.RetryAfter = now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
		return id, amount, e
	}
	return id, amount, err //nolint:wrapcheck // the ledger says what it did
}

// settle does not fail the request: the provider has charged for it. A reservation that cannot be
// settled stays until the ledger releases it.
func (b *Budget) settle(ctx context.Context, id uuid.UUID, cost Cost) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var err error
	for try := range settleTries {
		if try > 0 {
			time.Sleep(settlePause << (try - 1))
		}
		if err = b.Ledger.Settle(ctx, id, cost); err == nil {
			return
		}
	}
	log.Error(ctx, "llm_cost_not_recorded", logging.Float64("cost_usd", cost.USD()), logging.Err(err))
}
