package llm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// step is what a fake does in one attempt.
type step struct {
	wait time.Duration // before its first event
	text []string      // events; an empty text is an event without content
	gap  time.Duration // before each event after the first, and before the end
	tool *llm.ToolCall
	err  error // in place of a result
	cut  bool  // ends without either
}

// fake is an adapter that does one step for each attempt, and the last one again and again.
type fake struct {
	info  llm.Info
	usage llm.Usage // of a success
	steps []step

	mu    sync.Mutex
	calls []time.Time
	ctxs  []context.Context // of the calls
	open  int               // streams that have not ended
}

func newFake(provider string, steps ...step) *fake {
	return &fake{
		info:  llm.Info{Provider: provider, Model: "m", Features: ^llm.Features(0)},
		usage: llm.Usage{Input: 10, Output: 5}, steps: steps,
	}
}

func (f *fake) Info() llm.Info { return f.info }

func (f *fake) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(f.Stream(ctx, r))
}

func (f *fake) Stream(ctx context.Context, _ *llm.Request) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		s := f.begin(ctx)
		defer f.end()
		pause := func(d time.Duration) bool {
			select {
			case <-ctx.Done():
				yield(llm.Event{}, ctx.Err())
				return false
			case <-time.After(d):
				return true
			}
		}
		if s.wait > 0 && !pause(s.wait) {
			return
		}
		for i, text := range s.text {
			if i > 0 && s.gap > 0 && !pause(s.gap) || !yield(llm.Event{Text: text}, nil) {
				return
			}
		}
		if s.tool != nil && !yield(llm.Event{ToolCall: s.tool}, nil) {
			return
		}
		switch {
		case len(s.text) > 0 && s.gap > 0 && !pause(s.gap), s.cut:
		case s.err != nil:
			yield(llm.Event{}, s.err)
		default:
			yield(llm.Event{Result: &llm.Result{Finish: llm.FinishStop, Usage: f.usage, RequestID: "req"}}, nil)
		}
	}
}

func (f *fake) begin(ctx context.Context) step {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.steps[min(len(f.calls), len(f.steps)-1)]
	f.calls, f.ctxs = append(f.calls, time.Now()), append(f.ctxs, ctx)
	f.open++
	return s
}

func (f *fake) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}

var answers = step{text: []string{"he", "llo"}}

// fails is a step that fails before its first event.
func fails(kind llm.Kind) step { return step{err: &llm.Error{Kind: kind, Status: 599}} }

var defaults = llm.Config{
	RequestTimeout: 30 * time.Second, FirstTokenTimeout: 15 * time.Second, IdleTimeout: 10 * time.Second,
	MaxAttempts: 4, MaxTokens: 1024, BreakerThreshold: 5, BreakerCooldown: 30 * time.Second,
}

// chainTest is a chain of fakes and its log.
type chainTest struct {
	*llm.Chain

	logger logging.Logger
	log    *bytes.Buffer
}

func newChain[A llm.Adapter](t testing.TB, c llm.Config, table string, fakes ...A) chainTest {
	t.Helper()
	log := new(bytes.Buffer)
	core, err := logging.NewCore(logging.Options{App: "test", Output: log})
	require.NoError(t, err)
	adapters := make([]llm.Adapter, len(fakes))
	for i, f := range fakes {
		adapters[i] = f
	}
	logger := logging.New(core, "platform/llm")
	chain, err := llm.NewChain(adapters, llm.ChainOptions{Config: c, Prices: prices(t, table), Log: logger})
	require.NoError(t, err)
	return chainTest{chain, logger, log}
}

// events returns the lines of the log.
func (c chainTest) events(t testing.TB) (lines []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(c.log.Bytes()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal(line, &m))
		lines = append(lines, m)
	}
	return lines
}

// names returns the names of the events.
func (c chainTest) names(t testing.TB) (names []string) {
	t.Helper()
	for _, line := range c.events(t) {
		names = append(names, line["event"].(string))
	}
	return names
}

// changes returns the names of the events of breakers.
func (c chainTest) changes(t testing.TB) []string {
	t.Helper()
	return slices.DeleteFunc(c.names(t), func(name string) bool { return !strings.HasPrefix(name, "llm_breaker") })
}

// asking is a way to ask for a whole answer.
type asking func(context.Context, llm.Provider) (*llm.Response, error)

// both runs a test with Generate, and with a Stream that is read to its end. Time is virtual.
func both(t *testing.T, test func(*testing.T, asking)) {
	t.Helper()
	for name, ask := range map[string]asking{
		"generate": func(ctx context.Context, p llm.Provider) (*llm.Response, error) { return p.Generate(ctx, question) },
		"stream": func(ctx context.Context, p llm.Provider) (*llm.Response, error) {
			return llm.Collect(p.Stream(ctx, question))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, ask) })
		})
	}
}

// failed is the error of a chain.
type failed struct {
	outer *errors.Error
	inner *llm.Error
}

// failure returns the error of a chain, which must have a code.
func failure(t *testing.T, err error, code errors.Code) failed {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, code.Name, e.Code.Name, "%v", err)
	inner, ok := errors.AsType[*llm.Error](err)
	require.True(t, ok, "%v", err)
	return failed{e, inner}
}

// kinds returns the kinds of attempts by provider.
func kinds(attempts []llm.Attempt) (list []string) {
	for _, a := range attempts {
		list = append(list, a.Provider+" "+string(a.Kind))
	}
	return list
}

// A kind decides whether the next model is asked, how often a model is asked that is the only one,
// after how many failures its breaker opens, and which code the caller gets.
func TestKinds(t *testing.T) {
	t.Parallel()
	const never = 0
	tests := []struct {
		kind  llm.Kind
		next  bool
		tries int
		opens int // with a threshold of three
		code  errors.Code
	}{
		{llm.KindInvalidRequest, false, 1, never, errors.CodeLLMInvalidRequest},
		{llm.KindContextLength, false, 1, never, errors.CodeLLMContextTooLong}, // no window is larger
		{llm.KindContentFilter, false, 1, never, errors.CodeLLMContentFiltered},
		{llm.KindAuth, true, 1, 1, errors.CodeLLMUnavailable},
		{llm.KindRegion, true, 1, 3, errors.CodeLLMUnavailable},
		{llm.KindQuota, true, 1, 1, errors.CodeLLMUnavailable},
		{llm.KindModelNotFound, true, 1, 1, errors.CodeLLMUnavailable},
		{llm.KindRateLimit, true, 4, 1, errors.CodeLLMUnavailable},
		{llm.KindOverloaded, true, 4, 3, errors.CodeLLMUnavailable},
		{llm.KindUnavailable, true, 4, 3, errors.CodeLLMUnavailable},
		{llm.KindTimeout, true, 2, 3, errors.CodeLLMTimeout},
		{llm.KindTruncated, true, 4, 3, errors.CodeLLMTruncated},
		{llm.KindUnknown, true, 1, 3, errors.CodeLLMUnavailable},
		{llm.KindUnsupported, true, 1, never, errors.CodeLLMInvalidRequest},
		{llm.KindCanceled, true, 4, 3, errors.CodeLLMUnavailable}, // by the provider
		{"a kind of an adapter", true, 1, 3, errors.CodeLLMUnavailable},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, ask asking) {
				t.Helper()
				alone := newFake("a", fails(tt.kind))
				_, err := ask(t.Context(), newChain(t, defaults, "", alone))
				f := failure(t, err, tt.code)
				e, inner := f.outer, f.inner
				assert.Len(t, alone.calls, tt.tries)
				assert.Len(t, inner.Attempts, tt.tries)
				assert.Equal(t, e.Status() == http.StatusServiceUnavailable, e.RetryAfter > 0, "503 has Retry-After: %v", e.RetryAfter)

				c := defaults
				c.BreakerThreshold = 3
				first, second := newFake("a", fails(tt.kind)), newFake("b", answers)
				chain := newChain(t, c, "", first, second)
				for range 6 {
					_, err := ask(t.Context(), chain)
					assert.Equal(t, tt.next, err == nil, "%v", err)
				}
				if tt.next {
					assert.Len(t, second.calls, 6)
				} else {
					assert.Empty(t, second.calls)
				}
				if tt.opens == never {
					assert.Len(t, first.calls, 6)
					assert.NotContains(t, chain.names(t), "llm_breaker_opened")
				} else {
					assert.Len(t, first.calls, tt.opens)
					assert.Contains(t, chain.names(t), "llm_breaker_opened")
				}
			})
		})
	}
}

func TestResultNamesAttemptsAndCosts(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		a, b := newFake("a", fails(llm.KindOverloaded)), newFake("b", answers)
		c := newChain(t, defaults, "b,m,0,1,,,2\n", a, b)
		resp, err := ask(t.Context(), c)
		require.NoError(t, err)
		assert.Equal(t, "hello", resp.Text)
		assert.Equal(t, "b", resp.Provider)
		assert.Equal(t, "m", resp.Model)
		assert.Equal(t, llm.Cost(20), resp.Cost)
		require.Len(t, resp.Attempts, 1)
		first, err := json.Marshal(resp.Attempts[0])
		require.NoError(t, err)
		assert.JSONEq(t, `{"provider": "a", "model": "m", "kind": "overloaded", "status": 599, "duration_ms": 0}`, string(first))
		assert.Equal(t, []string{"a_request", "a_error", "llm_fallback", "b_request", "b_response"}, c.names(t))
		assert.Zero(t, time.Since(a.calls[0]), "no pause")
		for _, ctx := range append(a.ctxs, b.ctxs...) {
			assert.Error(t, ctx.Err(), "the resources of an attempt are released")
		}
	})
}

// Rule 1: what the caller has seen cannot be taken back.
func TestNothingFollowsTheFirstEvent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step step
		code errors.Code
	}{
		"error":    {step{text: []string{"he"}, err: &llm.Error{Kind: llm.KindOverloaded}}, errors.CodeLLMUnavailable},
		"cut":      {step{text: []string{"he"}, cut: true}, errors.CodeLLMTruncated},
		"idle":     {step{text: []string{"he", "llo"}, gap: time.Hour}, errors.CodeLLMTimeout},
		"a tool":   {step{tool: &llm.ToolCall{ID: "1"}, cut: true}, errors.CodeLLMTruncated},
		"filtered": {step{text: []string{"he"}, err: &llm.Error{Kind: llm.KindContentFilter}}, errors.CodeLLMContentFiltered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := newFake("a", tt.step), newFake("b", answers)
				_, err := llm.Collect(newChain(t, defaults, "", a, b).Stream(t.Context(), question))
				inner := failure(t, err, tt.code).inner
				assert.True(t, inner.Committed)
				assert.Empty(t, b.calls)
				assert.Len(t, a.calls, 1)
			})
		})
	}
}

// A model that reasons sends events without content. They keep the stream alive, and another model
// can still follow.
func TestEventsWithoutContent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a", step{text: []string{"", "", "", "hello"}, wait: 9 * time.Second, gap: 9 * time.Second})
		n := 0
		for e, err := range newChain(t, defaults, "", a).Stream(t.Context(), question) {
			require.NoError(t, err)
			assert.NotEqual(t, llm.Event{}, e)
			n++
		}
		assert.Equal(t, 2, n)

		a, b := newFake("a", step{text: []string{"", ""}, cut: true}), newFake("b", answers)
		resp, err := llm.Collect(newChain(t, defaults, "", a, b).Stream(t.Context(), question))
		require.NoError(t, err)
		assert.Equal(t, "b", resp.Provider)
	})
}

// Rule 2: while another model is usable there is no pause. The last one is asked again after a pause
// that it names, or a short one.
func TestPauses(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		took := func(ctx context.Context, fakes ...*fake) (time.Duration, error) {
			start := time.Now()
			_, err := ask(ctx, newChain(t, defaults, "", fakes...))
			return time.Since(start), err
		}
		d, err := took(t.Context(), newFake("a", limited(20*time.Second)), newFake("b", limited(25*time.Second)), newFake("c", answers))
		require.NoError(t, err)
		assert.Zero(t, d)

		d, err = took(t.Context(), newFake("a", limited(20*time.Second), answers), newFake("b", limited(10*time.Second), answers))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, d, 10*time.Second, "not before the time that the provider names")
		assert.LessOrEqual(t, d, 11*time.Second, "the model that is ready first")

		longest := time.Duration(0)
		for range 50 {
			d, err = took(t.Context(), newFake("a", fails(llm.KindUnavailable), answers))
			require.NoError(t, err)
			longest = max(longest, d)
		}
		assert.Less(t, longest, 500*time.Millisecond)
		assert.Greater(t, longest, 100*time.Millisecond, "at random")

		longest = 0
		for range 50 {
			d, err = took(t.Context(), newFake("a", limited(10*time.Second), answers))
			require.NoError(t, err)
			longest = max(longest, d)
		}
		assert.Greater(t, longest, 10*time.Second+100*time.Millisecond, "not all callers at once")

		a := newFake("a", limited(30*time.Second), answers)
		_, err = took(t.Context(), a)
		require.NoError(t, err)

		a = newFake("a", limited(31*time.Second), answers)
		d, err = took(t.Context(), a)
		e := failure(t, err, errors.CodeLLMUnavailable).outer
		assert.Zero(t, d, "too long to wait for")
		assert.Equal(t, 31*time.Second, e.RetryAfter)

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		d, err = took(ctx, newFake("a", limited(9500*time.Millisecond), answers))
		failure(t, err, errors.CodeLLMUnavailable)
		assert.Zero(t, d, "too little time would be left")

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		d, err = took(ctx, newFake("a", limited(20*time.Second), answers))
		failure(t, err, errors.CodeClientClosedRequest)
		assert.Equal(t, time.Second, d, "a pause ends with its caller")
	})
}

// The random pauses become longer, up to 8 s.
func TestPausesGrow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		c := defaults
		c.MaxAttempts = 12
		longest := make([]time.Duration, c.MaxAttempts-1)
		for range 50 {
			a := newFake("a", fails(llm.KindUnavailable))
			_, err := ask(t.Context(), newChain(t, c, "", a))
			require.Error(t, err)
			for i := range longest {
				longest[i] = max(longest[i], a.calls[i+1].Sub(a.calls[i]))
			}
		}
		for i := range longest {
			most := min(500*time.Millisecond<<i, 8*time.Second)
			assert.LessOrEqual(t, longest[i], most+time.Millisecond)
			assert.Greater(t, longest[i], most*3/4)
		}
	})
}

// Rule 3: attempts are counted over the whole chain.
func TestAttemptsAreCountedOverTheChain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		for most := 1; most <= 8; most++ {
			c := defaults
			c.MaxAttempts = most
			a, b, d := newFake("a", fails(llm.KindUnavailable)), newFake("b", fails(llm.KindOverloaded)), newFake("d", fails(llm.KindTruncated))
			_, err := ask(t.Context(), newChain(t, c, "", a, b, d))
			require.Error(t, err)
			assert.Equal(t, most, len(a.calls)+len(b.calls)+len(d.calls))
		}
	})
}

// Rule 4: an attempt leaves time for attempts at the other models.
func TestTimeIsShared(t *testing.T) {
	t.Parallel()
	hangs := step{wait: time.Hour}
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		start := time.Now()
		a, b, c := newFake("a", hangs), newFake("b", hangs), newFake("c", hangs)
		_, err := ask(ctx, newChain(t, defaults, "", a, b, c))
		inner := failure(t, err, errors.CodeLLMTimeout).inner
		assert.Equal(t, []string{"a timeout", "b timeout", "c timeout"}, kinds(inner.Attempts))
		assert.Equal(t, 4*time.Second, b.calls[0].Sub(start))
		assert.Equal(t, 8*time.Second, c.calls[0].Sub(start))
		assert.Equal(t, 12*time.Second, time.Since(start))

		short, cancel := context.WithTimeout(t.Context(), 999*time.Millisecond)
		defer cancel()
		a = newFake("a", answers)
		_, err = ask(short, newChain(t, defaults, "", a))
		failure(t, err, errors.CodeLLMTimeout)
		assert.Empty(t, a.calls, "less than a second is too short for an attempt")

		short, cancel = context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start = time.Now()
		a, b, c = newFake("a", hangs), newFake("b", answers), newFake("c", answers)
		_, err = ask(short, newChain(t, defaults, "", a, b, c))
		require.NoError(t, err)
		assert.Equal(t, time.Second, b.calls[0].Sub(start), "no attempt gets less than a second")
	})
}

// Only models that can be asked get a share of the time.
func TestTimeIsNotSharedInVain(t *testing.T) {
	t.Parallel()
	hangs := step{wait: time.Hour}
	images := &llm.Request{Messages: []llm.Message{{Images: []llm.Image{{}}}}}
	tests := map[string]func(c *llm.Config, second *fake){
		"no feature":  func(_ *llm.Config, second *fake) { second.info.Features = 0 },
		"one attempt": func(c *llm.Config, _ *fake) { c.MaxAttempts = 1 },
		"a pause":     func(_ *llm.Config, second *fake) { second.steps = []step{fails(llm.KindAuth)} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := defaults
				a, b := newFake("a", fails(llm.KindUnsupported), hangs), newFake("b", answers)
				change(&c, b)
				chain := newChain(t, c, "", a, b)
				_, _ = chain.Generate(t.Context(), images) // opens the breaker of b
				ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
				defer cancel()
				start := time.Now()
				_, err := chain.Generate(ctx, images)
				require.Error(t, err)
				assert.Equal(t, 12*time.Second, time.Since(start))
				assert.Len(t, a.calls, 2)
			})
		})
	}
}

func TestFallbackEvents(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		down := fails(llm.KindOverloaded)
		three := defaults
		three.MaxAttempts = 3
		c := newChain(t, three, "", newFake("a", down), newFake("b", down), newFake("c", down))
		_, err := ask(t.Context(), c)
		failure(t, err, errors.CodeLLMUnavailable)
		var got []string
		for _, e := range c.events(t) {
			if e["event"] == "llm_fallback" {
				got = append(got, fmt.Sprint(e["from"], e["to"]))
			}
		}
		assert.Equal(t, []string{"ab", "bc"}, got)

		c = newChain(t, defaults, "", newFake("a", down, answers))
		_, err = ask(t.Context(), c)
		require.NoError(t, err)
		assert.NotContains(t, c.names(t), "llm_fallback", "the same model again")
	})
}

// Rule 6: a model that lacks a feature of the request is passed over, and named.
func TestModelsWithoutTheFeaturesArePassedOver(t *testing.T) {
	t.Parallel()
	tests := map[string]*llm.Request{
		"tools":       {Tools: []llm.Tool{{Name: "f"}}},
		"schema":      {Schema: &llm.Schema{Name: "s"}},
		"images":      {Messages: []llm.Message{{Images: []llm.Image{{}}}}},
		"temperature": {Temperature: new(float64)},
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newFake("a", answers), newFake("b", answers)
			a.info.Features &^= r.Features()
			c := newChain(t, defaults, "", a, b)
			resp, err := c.Generate(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, []string{"a unsupported"}, kinds(resp.Attempts))
			assert.Empty(t, a.calls)
			assert.Equal(t, "llm_fallback", c.events(t)[0]["event"])
			assert.Equal(t, "unsupported", c.events(t)[0]["reason"])

			_, err = newChain(t, defaults, "", a).Generate(t.Context(), r)
			inner := failure(t, err, errors.CodeLLMInvalidRequest).inner
			assert.Equal(t, llm.KindUnsupported, inner.Kind)
			assert.Equal(t, []string{"a unsupported"}, kinds(inner.Attempts))
			assert.Empty(t, a.calls)
		})
	}
}

// A request that is too long goes on to a model with a larger window only.
func TestContextLengthNeedsALargerWindow(t *testing.T) {
	t.Parallel()
	const table = "a,m,1000,1,,,1\nb,m,1000,1,,,1\nc,m,2000,1,,,1\n"
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		long := fails(llm.KindContextLength)
		a, b, c, d := newFake("a", long), newFake("b", answers), newFake("c", long), newFake("d", answers)
		_, err := ask(t.Context(), newChain(t, defaults, table, a, b, c, d))
		inner := failure(t, err, errors.CodeLLMContextTooLong).inner
		assert.Equal(t, []string{"a context_length", "b context_length", "c context_length"}, kinds(inner.Attempts))
		assert.Len(t, c.calls, 1)
		assert.Empty(t, b.calls, "the same window")
		assert.Empty(t, d.calls, "an unknown window")
		assert.Equal(t, "c", inner.Provider)

		// A model that failed for another reason is asked again if its window is larger, and else not.
		small := newFake("a", fails(llm.KindUnavailable), answers)
		_, err = ask(t.Context(), newChain(t, defaults, table, small, newFake("b", long), newFake("c", fails(llm.KindAuth))))
		failure(t, err, errors.CodeLLMUnavailable)
		assert.Len(t, small.calls, 1)
		_, err = ask(t.Context(), newChain(t, defaults, table, newFake("c", fails(llm.KindAuth)), newFake("b", long)))
		failure(t, err, errors.CodeLLMContextTooLong)
		c = newFake("c", answers)
		c.info.Features = 0
		images := &llm.Request{Messages: []llm.Message{{Images: []llm.Image{{}}}}}
		_, err = newChain(t, defaults, table, newFake("d", fails(llm.KindAuth)), newFake("b", long), c).Generate(t.Context(), images)
		failure(t, err, errors.CodeLLMContextTooLong)
		c = newFake("c", fails(llm.KindUnavailable), answers)
		resp, err := ask(t.Context(), newChain(t, defaults, table, c, newFake("a", long)))
		require.NoError(t, err)
		assert.Equal(t, "c", resp.Provider)
	})
}

// Rule 7: the error names every attempt, and the shortest pause.
func TestErrorNamesEveryAttempt(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		a := newFake("a", step{wait: time.Second, err: &llm.Error{Kind: llm.KindRateLimit, Status: 429, RetryAfter: 40 * time.Second, RequestID: "r1"}})
		b := newFake("b", step{err: &llm.Error{Kind: llm.KindAuth, Status: 401}})
		c := newFake("c", step{err: &llm.Error{Kind: llm.KindOverloaded, Status: 529, RetryAfter: 50 * time.Second}})
		chain := newChain(t, defaults, "", a, b, c)
		_, err := ask(t.Context(), chain)
		f := failure(t, err, errors.CodeLLMUnavailable)
		e, inner := f.outer, f.inner
		assert.Equal(t, 40*time.Second, e.RetryAfter)
		assert.Equal(t, 40*time.Second, inner.RetryAfter)
		assert.Equal(t, "r1", inner.Attempts[0].RequestID)
		assert.Equal(t, "llm: unavailable (attempts: a: rate_limit, status 429; b: auth, status 401; c: overloaded, status 529)", inner.Error())
		details, err := json.Marshal(e.Details)
		require.NoError(t, err)
		assert.JSONEq(t, `{"attempts": [
			{"provider": "a", "model": "m", "kind": "rate_limit", "status": 429, "duration_ms": 1000},
			{"provider": "b", "model": "m", "kind": "auth", "status": 401, "duration_ms": 0},
			{"provider": "c", "model": "m", "kind": "overloaded", "status": 529, "duration_ms": 0}]}`, string(details))

		// The next request finds all of them in a pause, of which one is not of the provider's own.
		_, err = ask(t.Context(), chain)
		inner = failure(t, err, errors.CodeLLMUnavailable).inner
		assert.Equal(t, []string{"a cooldown", "b cooldown", "c cooldown", "b auth"}, kinds(inner.Attempts))
	})
}

// An error that is the same for all models keeps its code.
func TestEqualFailuresKeepTheirCode(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, ask asking) {
		t.Helper()
		cut, slow, down := fails(llm.KindTruncated), fails(llm.KindTimeout), fails(llm.KindUnavailable)
		_, err := ask(t.Context(), newChain(t, defaults, "", newFake("a", cut), newFake("b", cut)))
		failure(t, err, errors.CodeLLMTruncated)
		_, err = ask(t.Context(), newChain(t, defaults, "", newFake("a", slow), newFake("b", slow)))
		failure(t, err, errors.CodeLLMTimeout)
		_, err = ask(t.Context(), newChain(t, defaults, "", newFake("a", slow), newFake("b", down)))
		failure(t, err, errors.CodeLLMUnavailable)
	})
}

func TestNewChain(t *testing.T) {
	t.Parallel()
	_, err := llm.NewChain(nil, llm.ChainOptions{Prices: prices(t, "")})
	require.Error(t, err)
	_, err = llm.NewChain([]llm.Adapter{newFake("a", answers)}, llm.ChainOptions{})
	require.Error(t, err)
	a, b := newFake("a", answers), newFake("b", answers)
	assert.Equal(t, []int{1000, 0}, newChain(t, defaults, "a,m,1000,1,,,1\n", a, b).Windows())
}
