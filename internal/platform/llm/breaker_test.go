package llm_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// limited is a step of a provider that says when to come back.
func limited(d time.Duration) step {
	return step{err: &llm.Error{Kind: llm.KindRateLimit, RetryAfter: d}}
}

// once is the configuration of a chain that makes one attempt and opens after one failure.
func once() llm.Config {
	c := defaults
	c.MaxAttempts, c.BreakerThreshold = 1, 1
	return c
}

// concurrently makes requests at the same time and returns how many of them failed.
func concurrently(t *testing.T, n int, ask asking, p llm.Provider) (failed int32) {
	t.Helper()
	var failures atomic.Int32
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := ask(t.Context(), p); err != nil {
				failures.Add(1)
			}
		})
	}
	wg.Wait()
	return failures.Load()
}

// While a breaker is open its model gets no request if there is another one. Then one request at a
// time tries it, until one succeeds.
func TestBreakerAdmitsOneProbe(t *testing.T) {
	t.Parallel()
	slow := answers
	slow.wait = 5 * time.Second
	for name, first := range map[string]step{"failure": fails(llm.KindUnavailable), "rate limit": limited(30 * time.Second)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, ask asking) {
				t.Helper()
				c := defaults
				c.BreakerThreshold = 1
				a, b := newFake("a", first, fails(llm.KindUnavailable), slow), newFake("b", answers)
				chain := newChain(t, c, "", a, b)
				request := func() {
					_, err := ask(t.Context(), chain)
					require.NoError(t, err)
				}
				request()
				time.Sleep(30*time.Second - time.Nanosecond)
				request()
				assert.Len(t, a.calls, 1, "open")
				time.Sleep(time.Nanosecond)
				request()
				assert.Len(t, a.calls, 2, "the probe fails")
				time.Sleep(30*time.Second - time.Nanosecond)
				request()
				assert.Len(t, a.calls, 2, "open again")
				time.Sleep(time.Nanosecond)
				assert.Zero(t, concurrently(t, 10, ask, chain))
				assert.Len(t, a.calls, 3, "one probe")
				assert.Zero(t, concurrently(t, 10, ask, chain))
				assert.Len(t, a.calls, 13, "closed")
				assert.Equal(t, []string{"llm_breaker_opened", "llm_breaker_closed"}, chain.changes(t))
			})
		})
	}
}

// Failures count only in a row, and the outcome of a stream only at its end.
func TestBreakerCountsFailuresInARow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		c := defaults
		c.MaxAttempts, c.BreakerThreshold = 1, 3
		late := step{text: []string{"he"}, gap: time.Second, err: &llm.Error{Kind: llm.KindOverloaded}}
		fault := step{err: &llm.Error{Kind: llm.KindInvalidRequest, RetryAfter: time.Minute}}
		a := newFake("a", late, late, answers, late, fault, late, fault, late)
		chain := newChain(t, c, "", a)
		for range 7 {
			_, _ = ask(t.Context(), chain)
		}
		assert.NotContains(t, chain.names(t), "llm_breaker_opened")
		_, err := ask(t.Context(), chain)
		require.Error(t, err)
		assert.Contains(t, chain.names(t), "llm_breaker_opened", "the faults of callers do not count")
	})
}

// Rule 5: if all models are in a pause, the one that is ready first is tried rather than none.
func TestAllModelsInAPause(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		down := fails(llm.KindUnavailable)
		a, b := newFake("a", down, answers), newFake("b", down)
		c := once()
		c.MaxAttempts = 2
		chain := newChain(t, c, "", a, b)
		_, err := ask(t.Context(), chain)
		failure(t, err, errors.CodeLLMUnavailable)
		start := time.Now()
		resp, err := ask(t.Context(), chain)
		require.NoError(t, err)
		assert.Equal(t, []string{"a cooldown", "b cooldown"}, kinds(resp.Attempts))
		assert.Equal(t, "a", resp.Provider)
		assert.Less(t, time.Since(start), time.Microsecond, "at once")

		// A pause that the provider asked for is kept.
		a, b = newFake("a", limited(20*time.Second), answers), newFake("b", limited(10*time.Second), answers)
		c.MaxAttempts = 1
		chain = newChain(t, c, "", a, b)
		for range 2 {
			_, err = ask(t.Context(), chain)
			failure(t, err, errors.CodeLLMUnavailable)
		}
		start = time.Now()
		resp, err = ask(t.Context(), chain)
		require.NoError(t, err)
		assert.Equal(t, "b", resp.Provider)
		assert.Equal(t, 10*time.Second, time.Since(start))

		// A pause that is too long to wait for is returned to the caller.
		a = newFake("a", limited(31*time.Second), answers)
		chain = newChain(t, c, "", a)
		_, err = ask(t.Context(), chain)
		failure(t, err, errors.CodeLLMUnavailable)
		time.Sleep(time.Second / 2)
		_, err = ask(t.Context(), chain)
		f := failure(t, err, errors.CodeLLMUnavailable)
		e, inner := f.outer, f.inner
		assert.Equal(t, llm.KindCooldown, inner.Kind)
		assert.Equal(t, "llm: cooldown (attempts: a: cooldown)", inner.Error())
		assert.Equal(t, 30500*time.Millisecond, e.RetryAfter)
		assert.Len(t, a.calls, 1)
		time.Sleep(time.Second)
		_, err = ask(t.Context(), chain)
		require.NoError(t, err)
	})
}

// The only model of a chain gets all requests while it fails, after a pause that it asks for.
func TestOnlyModelInAPause(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		slow := answers
		slow.wait = 5 * time.Second
		for _, first := range []step{fails(llm.KindUnavailable), fails(llm.KindAuth), limited(2 * time.Second)} {
			a := newFake("a", first, slow)
			chain := newChain(t, once(), "", a)
			_, err := ask(t.Context(), chain)
			require.Error(t, err)
			time.Sleep(time.Microsecond)
			assert.Zero(t, concurrently(t, 10, ask, chain))
			assert.Len(t, a.calls, 11)
			assert.Equal(t, []string{"llm_breaker_opened", "llm_breaker_closed"}, chain.changes(t))
		}
	})
}

// A provider cannot ask for a pause of more than five minutes, and Auth takes as long.
func TestLongestPause(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]step{"asked": limited(24 * time.Hour), "auth": fails(llm.KindAuth)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, ask asking) {
				t.Helper()
				a, b := newFake("a", first, answers), newFake("b", answers)
				chain := newChain(t, once(), "", a, b)
				_, err := ask(t.Context(), chain)
				e := failure(t, err, errors.CodeLLMUnavailable).outer
				if name == "asked" {
					assert.Equal(t, 5*time.Minute, e.RetryAfter)
				}
				time.Sleep(5*time.Minute - time.Nanosecond)
				_, err = ask(t.Context(), chain)
				require.NoError(t, err)
				assert.Len(t, a.calls, 1)
				time.Sleep(time.Nanosecond)
				_, err = ask(t.Context(), chain)
				require.NoError(t, err)
				assert.Len(t, a.calls, 2)
			})
		})
	}
}

// A pause ends with a success, and does not outlast it. A pause that is configured can be longer.
func TestPauseAfterAPause(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		a := newFake("a", fails(llm.KindAuth), answers, limited(2*time.Second))
		chain := newChain(t, once(), "", a)
		_, err := ask(t.Context(), chain)
		assert.Equal(t, 5*time.Minute, failure(t, err, errors.CodeLLMUnavailable).outer.RetryAfter)
		time.Sleep(time.Microsecond)
		_, err = ask(t.Context(), chain)
		require.NoError(t, err)
		_, err = ask(t.Context(), chain)
		assert.Equal(t, 2*time.Second, failure(t, err, errors.CodeLLMUnavailable).outer.RetryAfter)

		c := once()
		c.BreakerCooldown = time.Hour
		_, err = ask(t.Context(), newChain(t, c, "", newFake("a", fails(llm.KindAuth))))
		assert.Equal(t, time.Hour, failure(t, err, errors.CodeLLMUnavailable).outer.RetryAfter)
	})
}

// A failure that arrives while the breaker is open makes the pause longer, not shorter.
func TestLateFailureDuringAPause(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		late := limited(10 * time.Second)
		late.wait = time.Second
		later := limited(time.Second)
		later.wait = 2 * time.Second
		a, b := newFake("a", late, later, answers), newFake("b", answers)
		chain := newChain(t, defaults, "", a, b)
		assert.Zero(t, concurrently(t, 2, ask, chain))
		time.Sleep(8 * time.Second)
		_, err := ask(t.Context(), chain)
		require.NoError(t, err)
		assert.Len(t, a.calls, 2, "until 11 s")
		time.Sleep(time.Second)
		_, err = ask(t.Context(), chain)
		require.NoError(t, err)
		assert.Len(t, a.calls, 3)
	})
}

// panics is an adapter that panics in every request but the first, which fails.
type panics struct{ *fake }

func (p panics) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	if len(p.calls) > 0 {
		p.begin(ctx)
		panic("in the adapter")
	}
	return p.fake.Generate(ctx, r)
}

// A panic in an adapter does not keep the place of the probe.
func TestPanicFreesTheProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := panics{newFake("a", fails(llm.KindUnavailable))}, newFake("b", answers)
		chain := newChain[llm.Adapter](t, once(), "", a, b)
		_, err := chain.Generate(t.Context(), question)
		require.Error(t, err)
		time.Sleep(time.Minute)
		for range 2 {
			assert.Panics(t, func() { _, _ = chain.Generate(t.Context(), question) })
		}
		assert.Len(t, a.calls, 3)
		assert.Equal(t, "canceled", chain.events(t)[len(chain.events(t))-1]["error_kind"], "the attempt has ended")
	})
}
