package llm_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/claude" // part:claude
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/ollama" // part:ollama
	"github.com/netrun-systems/go-service-template/internal/platform/llm/openai" // part:openai
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// chaos is a run of many requests over flaky providers.
type chaos struct {
	seed  uint64
	chain *llm.Chain

	mu       sync.Mutex
	answers  int
	failures map[string]int // by code
	left     int            // requests whose caller stopped reading
}

const chaosKey = "sk-proj-PLANTED0123456789abcdefghijklmnopqrstuv"

// flaky returns a provider that fails in every way, about every second time.
func flaky(t *testing.T, seed uint64) string {
	t.Helper()
	server := llmtest.NewServer(t)
	server.Script(func(n int, r *llmtest.Request) llmtest.Reply {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		reply := llmtest.Reply{Text: chaosAnswer(r.Messages[len(r.Messages)-1].Text), After: random.IntN(300)}
		pick := func(of ...llmtest.Reply) llmtest.Reply { return of[random.IntN(len(of))] }
		fault := func(f llmtest.Fault) llmtest.Reply {
			reply.Fault = f
			return reply
		}
		frame := func(s string) llmtest.Reply {
			reply.Frame = s
			return reply
		}
		switch random.IntN(100) {
		case 0:
			return fault(llmtest.FaultStall)
		case 1:
			return fault(llmtest.FaultSilent)
		case 2, 3, 4, 5, 6, 7, 8, 9:
			return fault(llmtest.FaultCut)
		case 10, 11, 12, 13, 14, 15, 16, 17:
			return fault(llmtest.FaultEnd)
		case 18, 19, 20, 21:
			return pick(frame("data: {\"error\":{\"message\":\"PLANTED\"}}\n\n"), frame("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"PLANTED\"}}\n\n"),
				frame("{\"error\":\"PLANTED\"}\n"), frame("data: [DONE]\n\n"), frame("<html>PLANTED</html>"))
		case 22, 23, 24, 25, 26, 27:
			return pick(llmtest.Reply{Body: "<html>PLANTED</html>", ContentType: "text/html"}, llmtest.Reply{Body: "{}"},
				llmtest.Reply{Body: `{"error":{"message":"PLANTED"}}`}, llmtest.Reply{Body: `{"error":"PLANTED"}`})
		case 28, 29, 30, 31, 32, 33, 34:
			return llmtest.Reply{Status: 429, Code: "rate_limit_exceeded", Message: "PLANTED", Header: map[string]string{"Retry-After-Ms": "20"}}
		case 35, 36, 37, 38, 39, 40, 41, 42:
			return llmtest.Reply{Status: []int{500, 502, 503, 504, 529}[random.IntN(5)], Message: "PLANTED"}
		case 43:
			return pick(llmtest.Reply{Status: 400, Code: "context_length_exceeded", Message: "PLANTED"},
				llmtest.Reply{Status: 400, Code: "content_policy_violation", Message: "PLANTED"})
		}
		return reply
	})
	return server.URL
}

func chaosAnswer(prompt string) string { return "the answer to " + prompt + " has several words" }

func newChaos(t *testing.T, log *bytes.Buffer) *chaos {
	t.Helper()
	c := &chaos{seed: rand.Uint64(), failures: map[string]int{}}
	t.Logf("seed %d", c.seed)
	client := llm.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	var adapters []llm.Adapter
	add := func(a llm.Adapter, err error) {
		require.NoError(t, err)
		adapters = append(adapters, a)
	}
	// part:openai begin
	add(openai.New(openai.Config{APIKey: chaosKey, BaseURL: flaky(t, c.seed) + "/v1", Model: "gpt-5"}, 100, client))
	add(openai.NewAzure(openai.AzureConfig{APIKey: chaosKey, Endpoint: flaky(t, c.seed+1), Deployment: "d"}, 100, client))
	// part:openai end
	add(claude.New(claude.Config{APIKey: chaosKey, BaseURL: flaky(t, c.seed+3), Model: "claude-opus-4-5"}, 100, client)) // part:claude
	add(ollama.New(ollama.Config{Host: flaky(t, c.seed+2), Model: "m"}, 100, client))                                    // part:ollama
	core, err := logging.NewCore(logging.Options{App: "test", Output: log})
	require.NoError(t, err)
	c.chain, err = llm.NewChain(adapters, llm.ChainOptions{
		Config: llm.Config{
			RequestTimeout: time.Second, FirstTokenTimeout: time.Second, IdleTimeout: time.Second, MaxAttempts: 4,
			MaxTokens: 100, BreakerThreshold: 5, BreakerCooldown: 20 * time.Millisecond,
		},
		Prices: prices(t, ""), Log: logging.New(core, "platform/llm"),
	})
	require.NoError(t, err)
	return c
}

// request makes one request, and checks that its answer is complete or its error typed.
func (c *chaos) request(t *testing.T, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(c.seed, uint64(1_000_000+n)))
	ctx := t.Context()
	if random.IntN(20) == 0 {
		limited, cancel := context.WithCancel(ctx)
		defer time.AfterFunc(time.Duration(random.IntN(int(20*time.Millisecond))), cancel).Stop()
		ctx = limited
	}
	prompt := fmt.Sprintf("PLANTED-%d", n)
	r := &llm.Request{System: "PLANTED", Messages: []llm.Message{{Role: llm.RoleUser, Text: prompt}}}
	var resp *llm.Response
	var err error
	switch random.IntN(10) {
	case 0:
		for _, err = range c.chain.Stream(ctx, r) {
			break
		}
		if err == nil {
			c.count(func() { c.left++ })
			return
		}
	case 1, 2, 3, 4:
		resp, err = c.chain.Generate(ctx, r)
	default:
		resp, err = llm.Collect(c.chain.Stream(ctx, r))
	}
	if err == nil {
		c.count(func() { c.answers++ })
		assert.Equal(t, chaosAnswer(prompt), resp.Text)
		assert.NotEmpty(t, resp.Provider)
		assert.NotZero(t, resp.Usage)
		return
	}
	outer, ok := errors.AsType[*errors.Error](err)
	inner, typed := errors.AsType[*llm.Error](err)
	if assert.True(t, ok && typed, "%v", err) {
		made := slices.DeleteFunc(slices.Clone(inner.Attempts), func(a llm.Attempt) bool { return a.Duration == 0 }) // passed over
		assert.LessOrEqual(t, len(made), 4)
		assert.NotContains(t, err.Error(), "PLANTED")
		assert.True(t, inner.Kind != llm.KindCanceled || ctx.Err() != nil, "%v", err)
		c.count(func() { c.failures[outer.Code.Name]++ })
	}
}

func (c *chaos) count(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// A thousand requests over flaky providers: every answer is complete or its error is typed, and
// nothing stays behind. It is not parallel, so that its goroutines are the only new ones.
func TestChaos(t *testing.T) {
	const requests, callers = 1000, 25
	old := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, old) })
	var log bytes.Buffer
	c := newChaos(t, &log)
	var next sync.Mutex
	n := 0
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				next.Lock()
				i := n
				n++
				next.Unlock()
				if i >= requests {
					return
				}
				c.request(t, i)
			}
		})
	}
	wg.Wait()
	failed := 0
	for _, n := range c.failures {
		failed += n
	}
	t.Logf("%d answers, %d left, failures: %v", c.answers, c.left, c.failures)
	assert.Equal(t, requests, c.answers+c.left+failed)
	assert.Greater(t, c.answers, requests/4)
	known := []string{
		"CLIENT_CLOSED_REQUEST", "LLM_CONTENT_FILTERED", "LLM_CONTEXT_TOO_LONG", "LLM_INVALID_REQUEST", "LLM_TIMEOUT", "LLM_TRUNCATED", "LLM_UNAVAILABLE",
	}
	for name := range maps.Keys(c.failures) {
		assert.Contains(t, known, name)
	}
	assert.NotEmpty(t, c.failures)
	assert.Greater(t, strings.Count(log.String(), "\n"), 2*requests)
	assert.NotContains(t, log.String(), "PLANTED")
}
