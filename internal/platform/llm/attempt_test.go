package llm_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stream     bool
		step       step
		code       string
		after, and time.Duration // the limit, and how much later it may be noticed
	}{
		"answer":      {false, step{wait: time.Hour}, "request_timeout", 30 * time.Second, 0},
		"first event": {true, step{wait: time.Hour}, "first_token_timeout", 15 * time.Second, 0},
		"next event":  {true, step{text: []string{"he", "llo"}, gap: time.Hour, wait: 7 * time.Second}, "idle_timeout", 18 * time.Second, 2500 * time.Millisecond},
		"second":      {true, step{text: []string{"he", "llo"}, gap: time.Hour}, "idle_timeout", 11 * time.Second, 2500 * time.Millisecond},
		"endless":     {true, step{text: make([]string, 1000), gap: 9 * time.Second}, "stream_too_long", 10 * time.Minute, 2500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := defaults
				c.MaxAttempts = 1
				a, start := newFake("a", tt.step), time.Now()
				chain := newChain(t, c, "", a)
				_, err := chain.Generate(t.Context(), question)
				if tt.stream {
					start = time.Now()
					for _, err = range chain.Stream(t.Context(), question) {
						if err == nil {
							time.Sleep(time.Second)
						}
					}
				}
				inner := failure(t, err, errors.CodeLLMTimeout).inner
				assert.Equal(t, tt.code, inner.Code)
				assert.GreaterOrEqual(t, time.Since(start), tt.after)
				assert.LessOrEqual(t, time.Since(start), tt.after+tt.and)
				assert.Zero(t, a.open)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		})
	}
}

// A stream may take longer than any limit while events arrive, and a slow caller is no failure of the
// provider.
func TestTimeLimitsLeaveHealthyStreamsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		words := make([]string, 30)
		for i := range words {
			words[i] = "word "
		}
		a := newFake("a", step{text: words, wait: 14 * time.Second, gap: 9 * time.Second})
		_, err := llm.Collect(newChain(t, defaults, "", a).Stream(t.Context(), question))
		require.NoError(t, err)

		a = newFake("a", step{text: words[:3], gap: time.Second})
		for _, err := range newChain(t, defaults, "", a).Stream(t.Context(), question) {
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		assert.ErrorIs(t, context.Cause(a.ctxs[0]), context.Canceled, "no limit has ended it")
	})
}

func TestCallerCancels(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		c := defaults
		c.BreakerThreshold = 1
		a, b := newFake("a", step{wait: time.Hour}), newFake("b", answers)
		chain := newChain(t, c, "a,m,0,1,,,1\n", a, b)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := ask(ctx, chain)
		inner := failure(t, err, errors.CodeClientClosedRequest).inner
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, llm.KindCanceled, inner.Kind)
		assert.Positive(t, inner.Cost, "the provider may charge for it")
		assert.Empty(t, b.calls)
		assert.Zero(t, a.open)

		_, err = ask(ctx, chain)
		failure(t, err, errors.CodeClientClosedRequest)
		assert.Len(t, a.calls, 1, "no attempt for a caller who has left")
		lines := chain.events(t)
		require.Len(t, lines, 2, "the breaker stays closed")
		assert.Equal(t, "a_error", lines[1]["event"])
		assert.Equal(t, "info", lines[1]["level"])
	})
}

func TestCallerStopsReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := defaults
		c.BreakerThreshold = 1
		a := newFake("a", answers)
		chain := newChain(t, c, "a,m,0,1,,,1\n", a)
		for range 3 {
			for e, err := range chain.Stream(t.Context(), question) {
				require.NoError(t, err)
				assert.Equal(t, "he", e.Text)
				break
			}
		}
		assert.Len(t, a.calls, 3)
		assert.Zero(t, a.open)
		assert.Equal(t, []string{"a_request", "a_error", "a_request", "a_error", "a_request", "a_error"}, chain.names(t))
		last := chain.events(t)[5]
		assert.Equal(t, "canceled", last["error_kind"])
		assert.Equal(t, "info", last["level"])
		assert.Equal(t, true, last["usage_estimated"])
	})
}

// Failed attempts cost what their providers may charge.
func TestCostOfFailures(t *testing.T) {
	t.Parallel()
	const table = "a,m,0,1000,,,1\n" // 1000 an input token, 1 an output token
	input := llm.EstimateInput(question)
	words := step{text: []string{"four", "five5"}, cut: true}
	counted := step{text: []string{"four"}, err: &llm.Error{Kind: llm.KindOverloaded, Usage: llm.Usage{Input: 3, Output: 7}}}
	undercounted := step{text: []string{"four", "five5"}, err: &llm.Error{Kind: llm.KindOverloaded, Usage: llm.Usage{Input: 3, Output: 1}}}
	tests := map[string]struct {
		stream bool
		step   step
		want   llm.Usage
	}{
		"refused":              {true, fails(llm.KindOverloaded), llm.Usage{}},
		"refused, generate":    {false, fails(llm.KindOverloaded), llm.Usage{}},
		"no event":             {true, step{wait: time.Hour}, llm.Usage{Input: input, Estimated: true}},
		"no answer":            {false, step{wait: time.Hour}, llm.Usage{Input: input, Output: 1024, Estimated: true}},
		"cut":                  {true, words, llm.Usage{Input: input, Output: 3, Estimated: true}},
		"broken":               {true, step{text: []string{"four"}, err: &llm.Error{Kind: llm.KindOverloaded}}, llm.Usage{Input: input, Output: 1, Estimated: true}},
		"the provider's count": {true, counted, llm.Usage{Input: 3, Output: 7}},
		"a count that is old":  {true, undercounted, llm.Usage{Input: 3, Output: 3, Estimated: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := defaults
				c.MaxAttempts = 1
				chain := newChain(t, c, table, newFake("a", tt.step))
				_, err := chain.Generate(t.Context(), question)
				if tt.stream {
					_, err = llm.Collect(chain.Stream(t.Context(), question))
				}
				inner := failure(t, err, errors.From(err).Code).inner
				require.Len(t, inner.Attempts, 1)
				assert.Equal(t, tt.want, inner.Attempts[0].Usage)
				want, _ := prices(t, table).Cost(model("a", "m"), tt.want)
				assert.Equal(t, want, inner.Cost)
				assert.Equal(t, want, inner.Attempts[0].Cost)
			})
		})
	}

	// The answer costs what all attempts cost.
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a", step{wait: time.Hour}), newFake("b", answers)
		resp, err := newChain(t, defaults, "a,m,0,1,,,1\nb,m,0,1,,,1\n", a, b).Generate(t.Context(), question)
		require.NoError(t, err)
		assert.Equal(t, llm.Cost(input+1024+15), resp.Cost)

		short := *question
		short.MaxTokens = 7
		resp, err = newChain(t, defaults, "a,m,0,1,,,1\nb,m,0,1,,,1\n", newFake("a", step{wait: time.Hour}), b).Generate(t.Context(), &short)
		require.NoError(t, err)
		assert.Equal(t, llm.Cost(input+7+15), resp.Cost)
	})
}

// A model without a price costs as much as the dearest one.
func TestCostOfAnUnknownModel(t *testing.T) {
	t.Parallel()
	chain := newChain(t, defaults, "dear,m,0,10000,,,10000\n", newFake("a", answers))
	resp, err := chain.Generate(t.Context(), question)
	require.NoError(t, err)
	assert.Equal(t, llm.Cost(150_000), resp.Cost)
	assert.Equal(t, false, chain.events(t)[1]["cost_known"])
}

// noAnswer is an adapter that breaks its contract: it returns neither an answer nor an error.
type noAnswer struct{ *fake }

func (noAnswer) Generate(context.Context, *llm.Request) (*llm.Response, error) { return nil, nil }

func TestAdapterWithoutAnswer(t *testing.T) {
	t.Parallel()
	a := noAnswer{newFake("a", step{cut: true})}
	c := defaults
	c.MaxAttempts = 1
	chain := newChain(t, c, "", a)
	_, err := chain.Generate(t.Context(), question)
	failure(t, err, errors.CodeLLMTruncated)
	_, err = llm.Collect(chain.Stream(t.Context(), question))
	failure(t, err, errors.CodeLLMTruncated)
}

// late is an adapter that answers only when its time is over.
type late struct {
	*fake
	kind llm.Kind
}

func (l late) Generate(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
	<-ctx.Done()
	return nil, &llm.Error{Kind: l.kind}
}

// What a provider answered counts even if the time was over then. Otherwise the error is due to that.
func TestErrorAfterTheTimeLimit(t *testing.T) {
	t.Parallel()
	for kind, want := range map[llm.Kind]llm.Kind{
		llm.KindContentFilter: llm.KindContentFilter,
		llm.KindUnavailable:   llm.KindTimeout, llm.KindTruncated: llm.KindTimeout, llm.KindCanceled: llm.KindTimeout,
		llm.KindTimeout: llm.KindTimeout, llm.KindUnknown: llm.KindTimeout,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := defaults
			c.MaxAttempts = 1
			_, err := newChain(t, c, "", late{newFake("a"), kind}).Generate(t.Context(), question)
			assert.Equal(t, want, failure(t, err, errors.From(err).Code).inner.Kind)
		})
	}
}

// An error of an adapter that is not an *Error is of an unknown kind; its text stays hidden.
func TestErrorOfAnotherType(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		_, err := ask(t.Context(), newChain(t, defaults, "", newFake("a", step{err: errors.Sentinel("the prompt")})))
		inner := failure(t, err, errors.CodeLLMUnavailable).inner
		assert.Equal(t, llm.KindUnknown, inner.Kind)
		assert.NotContains(t, err.Error(), "the prompt")
	})
}
