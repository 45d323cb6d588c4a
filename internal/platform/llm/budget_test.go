package llm_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// ledger records what a Budget does. The one of the service is tested in internal/app/budget.
type ledger struct {
	reserved, limit, settled llm.Cost
	settlements              int
	refuse                   error
	failures                 int // of Settle, before it succeeds
	ended                    bool
}

func (l *ledger) Reserve(_ context.Context, amount, limit llm.Cost) (uuid.UUID, error) {
	l.reserved, l.limit = amount, limit
	return uuid.UUID{1}, l.refuse
}

func (l *ledger) Settle(ctx context.Context, id uuid.UUID, actual llm.Cost) error {
	l.ended = l.ended || ctx.Err() != nil || id != uuid.UUID{1}
	if l.failures > 0 {
		l.failures--
		return errors.Sentinel("the ledger is down")
	}
	l.settled = actual
	l.settlements++
	return nil
}

// script is a provider whose stream is a list of pairs. It costs what an error or result says.
type script struct {
	events []llm.Event
	err    error
	left   error // yielded when ctx ends
	called bool
}

func (s *script) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(s.Stream(ctx, r))
}

func (s *script) Stream(ctx context.Context, _ *llm.Request) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		s.called = true
		for _, e := range s.events {
			if ctx.Err() != nil {
				yield(llm.Event{}, s.left)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if s.err != nil {
			yield(llm.Event{}, s.err)
		}
	}
}

const amount = 111 // that a request may cost

func newBudget(next llm.Provider, l llm.Ledger) *llm.Budget {
	return &llm.Budget{Next: next, Worst: func(*llm.Request) llm.Cost { return amount }, Ledger: l, Limit: 5000}
}

var question = &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: "why"}}}

func answer(cost llm.Cost) []llm.Event {
	return []llm.Event{{Text: "be"}, {Text: "cause"}, {Result: &llm.Result{Provider: "a", Cost: cost}}}
}

// Each way in which a request ends is charged, once, with what it cost.
func TestBudgetSettles(t *testing.T) {
	t.Parallel()
	failure := errors.Wrap(&llm.Error{Kind: llm.KindTruncated, Cost: 30}, errors.CodeLLMTruncated, "")
	tests := map[string]struct {
		next script
		take int // events before the caller leaves
		want llm.Cost
	}{
		"an answer":                 {script{events: answer(42)}, 9, 42},
		"a failure":                 {script{err: failure}, 9, 30},
		"a failure in the answer":   {script{events: answer(0)[:2], err: failure}, 9, 30},
		"the caller leaves":         {script{events: answer(42), left: &llm.Error{Kind: llm.KindCanceled, Cost: 7}}, 1, 7},
		"it leaves after the last":  {script{events: answer(42)}, 3, 42},
		"a provider tells no costs": {script{err: errors.Sentinel("?")}, 9, amount},
		"a stream ends silently":    {script{events: answer(0)[:2]}, 9, amount},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, next := &ledger{}, tt.next
			var got []llm.Event
			var last error
			for e, err := range newBudget(&next, l).Stream(t.Context(), question) {
				if last = err; err == nil {
					got = append(got, e)
				}
				if len(got) == tt.take {
					break
				}
			}
			assert.Equal(t, tt.next.events[:min(tt.take, len(tt.next.events))], got[:len(got):len(got)])
			if tt.take == 9 {
				assert.Equal(t, tt.next.err, last)
			}
			assert.Equal(t, ledger{reserved: amount, limit: 5000, settled: tt.want, settlements: 1}, *l)
		})
	}
	for name, tt := range tests {
		if tt.take < 9 || tt.next.err == nil && len(tt.next.events) == 2 {
			continue // not of Generate
		}
		t.Run("Generate, "+name, func(t *testing.T) {
			t.Parallel()
			l, next := &ledger{}, tt.next
			ctx, cancel := context.WithCancel(t.Context())
			resp, err := newBudget(canceling{&next, cancel}, l).Generate(ctx, question)
			assert.Equal(t, tt.next.err, err)
			if err == nil {
				assert.Equal(t, "because", resp.Text)
			}
			assert.Equal(t, ledger{reserved: amount, limit: 5000, settled: tt.want, settlements: 1}, *l, "although ctx has ended")
		})
	}
}

// canceling is a provider whose caller leaves when it has answered.
type canceling struct {
	*script
	cancel context.CancelFunc
}

func (c canceling) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	defer c.cancel()
	return c.script.Generate(ctx, r)
}

func TestBudgetRefusesBeforeTheCall(t *testing.T) {
	t.Parallel()
	down := errors.Unavailable(nil, "no database", time.Second)
	for want, refusal := range map[errors.Code]error{
		errors.CodeLLMBudgetExceeded: llm.ErrBudget, errors.CodeServiceUnavailable: down,
	} {
		next := &script{events: answer(1)}
		l := &ledger{refuse: refusal}
		b := newBudget(next, l)
		_, err := b.Generate(t.Context(), question)
		assert.True(t, errors.HasCode(err, want), err)
		_, err = llm.Collect(b.Stream(t.Context(), question))
		require.True(t, errors.HasCode(err, want), err)
		assert.False(t, next.called)
		assert.Zero(t, l.settlements)
		if refusal == llm.ErrBudget { //nolint:errorlint // the row of the table
			e, _ := errors.AsType[*errors.Error](err)
			assert.InDelta(t, 12*time.Hour, e.RetryAfter, float64(12*time.Hour), "until the next day")
			assert.Positive(t, e.RetryAfter)
			assert.Equal(t, map[string]any{"daily_budget_usd": 0.005}, e.Details)
			cause, _ := errors.AsType[*llm.Error](err)
			assert.Equal(t, llm.KindBudget, cause.Kind)
		}
	}
}

func TestBudgetTriesToSettleAgain(t *testing.T) {
	t.Parallel()
	for failures, settlements := range map[int]int{2: 1, 3: 0} {
		synctest.Test(t, func(t *testing.T) {
			l := &ledger{failures: failures}
			resp, err := newBudget(&script{events: answer(42)}, l).Generate(t.Context(), question)
			require.NoError(t, err, "the answer is paid for")
			assert.Equal(t, "because", resp.Text)
			assert.Equal(t, settlements, l.settlements)
			assert.False(t, l.ended)
		})
	}
}
