package llm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// The lines of the log, with all their fields.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a", step{wait: time.Second, err: &llm.Error{Kind: llm.KindRateLimit, Status: 429, Code: "slow_down", RequestID: "r1", RetryAfter: time.Minute}}, answers)
		b := newFake("b", step{text: []string{"he", "llo"}, wait: 2 * time.Second, gap: time.Second})
		c := defaults
		chain := newChain(t, c, "a,m,0,1,,,2\nb,m,0,1,,,2\n", a, b)
		_, err := llm.Collect(chain.Stream(t.Context(), question))
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = chain.Generate(t.Context(), question)
		require.NoError(t, err)
		var got []map[string]any
		for _, line := range chain.events(t) {
			for _, common := range []string{"time", "logger", "app", "environment"} {
				delete(line, common)
			}
			got = append(got, line)
		}
		request := func(event string, position float64, stream bool) map[string]any {
			return map[string]any{
				"level": "info", "event": event, "model": "m", "prompt_length": 3.0, "fallback_index": position, "stream": stream,
			}
		}
		assert.Equal(t, []map[string]any{
			request("a_request", 0, true),
			{
				"level": "error", "event": "a_error", "model": "m", "error": "llm: a: rate_limit, status 429, code slow_down",
				"error_kind": "rate_limit", "status": 429.0, "retryable": true, "request_id": "r1", "duration_ms": 1000.0, "fallback_index": 0.0,
			},
			{"level": "warning", "event": "llm_breaker_opened", "provider": "a", "model": "m", "reason": "rate_limit", "pause_ms": 60000.0},
			{"level": "warning", "event": "llm_fallback", "from": "a", "from_model": "m", "to": "b", "to_model": "m", "reason": "rate_limit"},
			request("b_request", 1, true),
			{
				"level": "info", "event": "b_response", "model": "m", "tokens_used": 15.0, "tokens_input": 10.0, "tokens_output": 5.0,
				"cost_usd": 0.00002, "duration_ms": 4000.0, "ttft_ms": 2000.0, "fallback_index": 1.0, "finish_reason": "stop", "request_id": "req",
			},
			request("a_request", 0, false),
			{
				"level": "info", "event": "a_response", "model": "m", "tokens_used": 15.0, "tokens_input": 10.0, "tokens_output": 5.0,
				"cost_usd": 0.00002, "duration_ms": 0.0, "fallback_index": 0.0, "finish_reason": "stop", "request_id": "req",
			},
			{"level": "warning", "event": "llm_breaker_closed", "provider": "a", "model": "m"},
		}, got)
	})
}

// recorder is an Observer that records its calls. Attempts get a ctx of its own.
type recorder struct{ calls []string }

type attemptKey struct{}

func (r *recorder) AttemptStarted(ctx context.Context, a *llm.Attempt, replaced []llm.Attempt) context.Context {
	for _, from := range replaced {
		r.calls = append(r.calls, fmt.Sprintf("%s replaces %s %s", a.Provider, from.Provider, from.Kind))
	}
	r.calls = append(r.calls, fmt.Sprintf("start %s %d", a.Provider, a.Position))
	return context.WithValue(ctx, attemptKey{}, a.Provider)
}

func (r *recorder) AttemptEnded(ctx context.Context, a *llm.Attempt, e *llm.Error) {
	r.calls = append(r.calls, fmt.Sprintf("end %s %s %v %v", ctx.Value(attemptKey{}), a.Kind, e != nil, a.BreakerOpened))
}

// ctxAdapter checks that attempts have the ctx of the Observer.
type ctxAdapter struct {
	*fake
	t *testing.T
}

func (a ctxAdapter) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	assert.Equal(a.t, a.info.Provider, ctx.Value(attemptKey{}))
	return a.fake.Generate(ctx, r)
}

func TestObserver(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	a, b := newFake("a", fails(llm.KindAuth)), newFake("b", answers)
	chain, err := llm.NewChain([]llm.Adapter{ctxAdapter{a, t}, ctxAdapter{b, t}}, llm.ChainOptions{
		Config: defaults, Prices: prices(t, ""), Log: newChain(t, defaults, "", a).logger, Observer: r,
	})
	require.NoError(t, err)
	for range 2 {
		_, err = chain.Generate(t.Context(), question)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{
		"start a 0", "end a auth true 5m0s", "b replaces a auth", "start b 1", "end b  false 0s",
		"b replaces a cooldown", "start b 1", "end b  false 0s",
	}, r.calls)
}

// No line of the log and no error has a prompt, an answer, a key or a text of a provider.
func TestSecretsStayOutOfLogsAndErrors(t *testing.T) {
	t.Parallel()
	const planted = "PLANTED"
	key := "sk-ant-api03-" + planted + "abcdefghijklmnopqrstuvwxyz0123456789"
	secret := &llm.Request{
		System: planted + " system",
		Messages: []llm.Message{
			{Role: llm.RoleUser, Text: planted + " prompt", Images: []llm.Image{{MediaType: "image/png", Data: []byte(planted)}}},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: planted, Name: planted, Arguments: []byte(`{"a":"` + planted + `"}`)}}},
		},
		Tools:  []llm.Tool{{Name: planted, Description: planted, Parameters: []byte(`{"title":"` + planted + `"}`)}},
		Schema: &llm.Schema{Name: planted, Schema: []byte(`{"title":"` + planted + `"}`)},
	}
	cause := fmt.Errorf("POST https://api.example.com?key=%s: 400 the prompt %s is bad, key %s", key, planted, key)
	all := append([]llm.Kind{"a kind of an adapter"}, llm.KindInvalidRequest, llm.KindContextLength, llm.KindContentFilter, llm.KindAuth,
		llm.KindRegion, llm.KindQuota, llm.KindModelNotFound, llm.KindRateLimit, llm.KindOverloaded, llm.KindUnavailable,
		llm.KindTimeout, llm.KindTruncated, llm.KindCanceled, llm.KindUnknown, llm.KindUnsupported)
	steps := []step{
		{text: []string{planted + " answer"}},
		{tool: &llm.ToolCall{ID: planted, Name: planted, Arguments: []byte(planted)}},
		{text: []string{planted}, cut: true},
		{text: []string{planted, planted}, gap: time.Hour},
		{wait: time.Hour},
		{err: cause},
	}
	for _, kind := range all {
		steps = append(steps, step{err: &llm.Error{Kind: kind, Status: 400, Cause: cause}},
			step{text: []string{planted}, err: &llm.Error{Kind: kind, Status: 200, Cause: cause}})
	}
	for _, s := range steps {
		synctest.Test(t, func(t *testing.T) {
			chain := newChain(t, defaults, "", newFake("a", s), newFake("b", s))
			for range 8 { // opens breakers
				_, one := chain.Generate(t.Context(), secret)
				_, two := llm.Collect(chain.Stream(t.Context(), secret))
				for _, err := range []error{one, two} {
					if err == nil {
						continue
					}
					e := errors.From(err)
					chain.logger.Exception(t.Context(), e)
					chain.logger.Error(t.Context(), "summary_failed", logging.Err(err), logging.Any("any", err))
					details, failed := json.Marshal(e.Details)
					require.NoError(t, failed)
					assert.NotContains(t, fmt.Sprintf("%v %+v %s %s", err, err, e.ClientMessage(), details), planted)
				}
			}
			require.NotEmpty(t, chain.log.String())
			assert.NotContains(t, chain.log.String(), planted)
		})
	}
}
