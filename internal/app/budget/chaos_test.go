package budget_test // part:llm file

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// flaky is a provider that fails about every second time. It knows what it has charged for.
type flaky struct {
	model   string
	prices  *llm.Prices
	charged *atomic.Int64
}

func (f *flaky) Info() llm.Info { return llm.Info{Provider: "flaky", Model: f.model} }

func (f *flaky) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(f.Stream(ctx, r))
}

func (f *flaky) Stream(ctx context.Context, _ *llm.Request) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		used := llm.Usage{Input: 1 + rand.IntN(50), Output: 20 + rand.IntN(80)}
		end := func(kind llm.Kind) {
			cost, _ := f.prices.Cost(f.Info(), used)
			f.charged.Add(int64(cost))
			if kind == "" {
				yield(llm.Event{Result: &llm.Result{Finish: llm.FinishStop, Usage: used}}, nil)
				return
			}
			yield(llm.Event{}, &llm.Error{Kind: kind, Usage: used, RetryAfter: time.Millisecond})
		}
		fate := rand.IntN(10)
		if fate < 4 {
			used.Output = 0
			end([]llm.Kind{llm.KindOverloaded, llm.KindRateLimit, llm.KindUnavailable, llm.KindInvalidRequest}[fate])
			return
		}
		for range 4 {
			if ctx.Err() != nil {
				end(llm.KindCanceled)
				return
			}
			if !yield(llm.Event{Text: "word "}, nil) {
				f.charged.Add(1 << 40) // the budget reads to the end, to know the costs
				return
			}
		}
		if fate == 4 {
			end(llm.KindTruncated)
			return
		}
		end("")
	}
}

// A thousand requests of two replicas over three flaky providers, some of whose callers leave: what
// the ledger has is what the providers have charged for.
func TestFlakyProvidersAreChargedExactly(t *testing.T) {
	t.Parallel()
	const requests, limit = 1000, 60_000
	r := newReplicas(t)
	prices := pricesOf(t, "flaky,a,0,1,,,2\nflaky,b,0,0.333333,,,0.777777\nflaky,c,0,3,,,5.5\n")
	var charged, answers, failures, refusals, left atomic.Int64
	var budgets [2]*llm.Budget
	for i := range budgets {
		var adapters []llm.Adapter
		for _, model := range []string{"a", "b", "c"} {
			adapters = append(adapters, &flaky{model, prices, &charged})
		}
		chain, err := llm.NewChain(adapters, llm.ChainOptions{Prices: prices, Config: llm.Config{
			RequestTimeout: time.Minute, FirstTokenTimeout: time.Minute, IdleTimeout: time.Minute, MaxAttempts: 4,
			MaxTokens: 100, BreakerThreshold: 5, BreakerCooldown: time.Millisecond,
		}})
		require.NoError(t, err)
		budgets[i] = &llm.Budget{Next: chain, Worst: chain.Worst, Ledger: r.ledgers[i], Limit: limit}
	}
	question := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: "Why?"}}}
	both(requests, func(i int) {
		ctx, cancel := context.WithCancel(apptest.As(t, r.member))
		defer cancel()
		var err error
		switch rand.IntN(4) {
		case 0:
			_, err = budgets[i%2].Generate(ctx, question)
		case 1: // the client leaves
			for e, failed := range budgets[i%2].Stream(ctx, question) {
				if err = failed; e.Text != "" {
					cancel()
				}
			}
		case 2: // the handler stops reading
			for _, err = range budgets[i%2].Stream(ctx, question) {
				break
			}
		default:
			_, err = llm.Collect(budgets[i%2].Stream(ctx, question))
		}
		switch {
		case err == nil:
			answers.Add(1)
		case errors.HasCode(err, errors.CodeLLMBudgetExceeded):
			refusals.Add(1)
		case ctx.Err() != nil:
			left.Add(1)
		default:
			failures.Add(1)
			_, ok := errors.AsType[*llm.Error](err)
			assert.True(t, ok, "%v", err)
		}
	})
	t.Logf("%d answers, %d failures, %d left, %d refused, %d charged", answers.Load(), failures.Load(), left.Load(),
		refusals.Load(), charged.Load())
	r.assertSums(t, int(charged.Load()), 0)
	assert.InDelta(t, limit, charged.Load(), 5000, "as much as the limit")
	for name, n := range map[string]int64{
		"answers": answers.Load(), "failures": failures.Load(), "left": left.Load(), "refusals": refusals.Load(),
	} {
		assert.Positive(t, n, name)
	}
}
