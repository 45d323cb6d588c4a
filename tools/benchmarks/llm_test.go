package benchmarks_test // part:llm part:openai file

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	goopenai "github.com/sashabaranov/go-openai"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/openai"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const events = 1000 // of a long stream

// canned is a transport whose answers are there at once.
type canned struct{ whole, short, long string }

func newCanned() canned {
	const id = `"id":"chatcmpl-1","created":1,"model":"gpt-4.1-mini","system_fingerprint":"fp_1"`
	const usage = `"usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0}}`
	chunk := func(choices, rest string) string {
		return "data: {" + id + `,"object":"chat.completion.chunk","choices":[` + choices + "]" + rest + "}\n\n"
	}
	stream := func(n int) string {
		word := chunk(`{"index":0,"delta":{"content":" light"},"logprobs":null,"finish_reason":null}`, "")
		return strings.Repeat(word, n) + chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`, "") + chunk("", ","+usage) + "data: [DONE]\n\n"
	}
	return canned{
		"{" + id + `,"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"It scatters light.",` +
			`"refusal":null},"logprobs":null,"finish_reason":"stop"}],` + usage + "}",
		stream(1), stream(1 + events),
	}
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	request, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body, contentType := c.whole, "application/json"
	if r.Header.Get("Accept") == "text/event-stream" {
		body, contentType = c.short, "text/event-stream"
		if strings.Contains(string(request), "long") {
			body = c.long
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, ContentLength: -1, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {contentType}, "X-Request-Id": {"req_1"}},
	}, nil
}

// chainAndSDK returns the same requests through a chain, which logs, and through go-openai alone.
func chainAndSDK(tb testing.TB) (chain, sdk func(stream bool, prompt string)) {
	tb.Helper()
	client := &http.Client{Transport: newCanned()}
	adapter, err := openai.New(openai.Config{APIKey: "key", BaseURL: "https://llm.test/v1", Model: "gpt-4.1-mini"}, 1024, client)
	require.NoError(tb, err)
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	require.NoError(tb, err)
	prices, err := llm.LoadPrices("")
	require.NoError(tb, err)
	c, err := llm.NewChain([]llm.Adapter{adapter}, llm.ChainOptions{
		Config: chainConfig(), Prices: prices, Log: logging.New(core, "llm"),
	})
	require.NoError(tb, err)
	ctx := context.Background()
	chain = func(stream bool, prompt string) {
		r := &llm.Request{System: "Be short.", Messages: []llm.Message{{Role: llm.RoleUser, Text: prompt}}}
		if !stream {
			if _, err := c.Generate(ctx, r); err != nil {
				panic(err)
			}
			return
		}
		for _, err := range c.Stream(ctx, r) {
			if err != nil {
				panic(err)
			}
		}
	}
	cfg := goopenai.DefaultConfig("key")
	cfg.BaseURL, cfg.HTTPClient = "https://llm.test/v1", client
	bare := goopenai.NewClientWithConfig(cfg)
	sdk = func(stream bool, prompt string) {
		r := goopenai.ChatCompletionRequest{Model: "gpt-4.1-mini", MaxCompletionTokens: 1024, Messages: []goopenai.ChatCompletionMessage{
			{Role: "system", Content: "Be short."}, {Role: "user", Content: prompt},
		}}
		if !stream {
			if _, err := bare.CreateChatCompletion(ctx, r); err != nil {
				panic(err)
			}
			return
		}
		r.StreamOptions = &goopenai.StreamOptions{IncludeUsage: true}
		s, err := bare.CreateChatCompletionStream(ctx, r)
		if err != nil {
			panic(err)
		}
		defer s.Close()
		for err == nil {
			_, err = s.Recv()
		}
		if err != io.EOF { //nolint:errorlint // as the library documents it
			panic(err)
		}
	}
	return chain, sdk
}

func chainConfig() llm.Config {
	return llm.Config{
		RequestTimeout: time.Minute, FirstTokenTimeout: time.Minute, IdleTimeout: time.Minute,
		MaxAttempts: 4, MaxTokens: 1024, BreakerThreshold: 5, BreakerCooldown: time.Minute,
	}
}

// cost is the time and the allocations of a call.
type cost struct {
	time   time.Duration
	allocs float64
}

// more returns what the chain costs more than go-openai, for each of n events if there are any.
func more(chain, sdk func(), n int) cost {
	best := fastestOf(2000/n+1, chain, sdk)
	allocs := testing.AllocsPerRun(20, chain) - testing.AllocsPerRun(20, sdk)
	return cost{(best[0] - best[1]) / time.Duration(n), allocs / float64(n)}
}

func TestChainCostsLittleMoreThanItsLibrary(t *testing.T) {
	chain, sdk := chainAndSDK(t)
	with := func(f func(bool, string), stream bool, prompt string) func() { return func() { f(stream, prompt) } }
	call := more(with(chain, false, "short"), with(sdk, false, "short"), 1)
	stream := more(with(chain, true, "short"), with(sdk, true, "short"), 1)
	event := more(with(chain, true, "long"), with(sdk, true, "long"), events)
	t.Logf("more than go-openai: a call %+v, a stream %+v, an event %+v", call, stream, event)
	for name, c := range map[string]cost{"a call": call, "a stream": stream} {
		assert.LessOrEqual(t, c.time, 5*time.Microsecond, name)
		assert.LessOrEqual(t, c.allocs, 10.0, name)
	}
	assert.LessOrEqual(t, event.time, 100*time.Nanosecond)
	assert.LessOrEqual(t, event.allocs, 0.0)
}
