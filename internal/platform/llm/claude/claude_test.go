package claude_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/claude"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newAdapter(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
	t.Helper()
	a, err := claude.New(claude.Config{APIKey: llmtest.Key, BaseURL: url, Model: "claude-haiku-4-5"}, maxTokens, client)
	require.NoError(t, err)
	return a
}

func TestConformance(t *testing.T) {
	t.Parallel()
	llmtest.Conform(t, llmtest.Suite{Format: llmtest.Claude, New: newAdapter})
}

// start starts a server and returns an adapter for it.
func start(t testing.TB, replies ...llmtest.Reply) (*llmtest.Server, llm.Adapter) {
	t.Helper()
	s := llmtest.NewServer(t, replies...)
	client := llm.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	return s, newAdapter(t, s.URL, 100, client)
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: "Why is the sky blue?"}}}
}

func drain(a llm.Provider, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(a.Stream(context.Background(), r))
}

func failure(t testing.TB, err error) *llm.Error {
	t.Helper()
	e, ok := errors.AsType[*llm.Error](err)
	require.True(t, ok, "%T: %v", err, err)
	return e
}

// The SDK's usual client takes a key, a URL and headers from the environment.
func TestEnvironmentIsNotRead(t *testing.T) {
	other := llmtest.NewServer(t)
	for name, value := range map[string]string{
		"ANTHROPIC_API_KEY":             "planted",
		"ANTHROPIC_AUTH_TOKEN":          "planted",
		"ANTHROPIC_BASE_URL":            other.URL,
		"ANTHROPIC_CUSTOM_HEADERS":      "X-Planted: planted",
		"ANTHROPIC_PROFILE":             "planted",
		"ANTHROPIC_FEDERATION_RULE_ID":  "planted",
		"ANTHROPIC_OPEN_TELEMETRY":      "true",
		"ANTHROPIC_WORKSPACE_ID":        "planted",
		"ANTHROPIC_WEBHOOK_SIGNING_KEY": "planted",
	} {
		t.Setenv(name, value)
	}
	s, a := start(t)
	_, err := a.Generate(t.Context(), ask())
	require.NoError(t, err)
	_, err = drain(a, ask())
	require.NoError(t, err)
	assert.Empty(t, other.Requests())
	require.Len(t, s.Requests(), 2)
	for _, r := range s.Requests() {
		assert.Equal(t, "/v1/messages", r.Path)
		assert.Equal(t, llmtest.Key, r.Header.Get("X-Api-Key"))
		assert.NotContains(t, r.Header, "Authorization")
		for name, values := range r.Header {
			assert.NotContains(t, strings.ReplaceAll(name+strings.Join(values, " "), llmtest.Key, ""), "lanted")
		}
	}
}

// spans counts tracers that were asked for.
type spans struct {
	noop.TracerProvider
	tracers atomic.Int32
}

func (s *spans) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	s.tracers.Add(1)
	return s.TracerProvider.Tracer(name, options...)
}

// The SDK would make spans of its own beside those of the service.
func TestNoSpans(t *testing.T) {
	before, provider := otel.GetTracerProvider(), &spans{}
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	_, a := start(t)
	_, err := a.Generate(t.Context(), ask())
	require.NoError(t, err)
	_, err = drain(a, ask())
	require.NoError(t, err)
	assert.Zero(t, provider.tracers.Load())
}

func TestRequestsAreNotRepeated(t *testing.T) {
	t.Parallel()
	s, a := start(t, llmtest.Reply{Status: 529, Code: "overloaded_error", Header: map[string]string{
		"Retry-After": "3600", "X-Should-Retry": "true",
	}})
	began := time.Now()
	_, err := a.Generate(t.Context(), ask())
	assert.Equal(t, llm.KindOverloaded, failure(t, err).Kind)
	_, err = drain(a, ask())
	assert.Equal(t, llm.KindOverloaded, failure(t, err).Kind)
	assert.Len(t, s.Requests(), 2)
	assert.Less(t, time.Since(began), time.Minute, "the SDK would wait for as long as the server wants")
}

// Without a timeout of its own, the SDK refuses to ask for long answers that are not streamed.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	s, a := start(t)
	r := ask()
	r.MaxTokens = 64_000
	_, err := a.Generate(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, 64_000, s.Requests()[0].MaxTokens)
}

func TestNoTemperature(t *testing.T) {
	t.Parallel()
	s, a := start(t)
	r := ask()
	r.Temperature = new(0.5)
	assert.NotZero(t, r.Features()&^a.Info().Features, "a chain passes over Claude")
	_, err := a.Generate(t.Context(), r)
	e := failure(t, err)
	assert.Equal(t, llm.KindUnsupported, e.Kind)
	assert.Equal(t, "llm: claude: unsupported", e.Error())
	assert.Empty(t, s.Requests())
}

// Claude wants messages of users and the assistant in turns, and the results of all calls together.
func TestNeighborsBecomeOneMessage(t *testing.T) {
	t.Parallel()
	s, a := start(t)
	_, err := a.Generate(t.Context(), &llm.Request{
		Messages: []llm.Message{
			{Role: llm.RoleUser, Text: "One."},
			{Role: llm.RoleUser},
			{Role: llm.RoleUser, Text: "Two."},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "a", Name: "x"}}},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "b", Name: "y", Arguments: json.RawMessage(`{"z":1}`)}}},
			{Role: llm.RoleTool, ToolCallID: "a"},
			{Role: llm.RoleTool, ToolCallID: "b", Text: "result"},
			{Role: llm.RoleUser, Text: "Three."},
			{Role: llm.RoleAssistant},
		},
		Tools: []llm.Tool{{Name: "x"}},
	})
	require.NoError(t, err)
	var body struct{ Messages, Tools json.RawMessage }
	require.NoError(t, json.Unmarshal(s.Requests()[0].Body, &body))
	assert.JSONEq(t, `[
		{"role": "user", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]},
		{"role": "assistant", "content": [
			{"type": "tool_use", "id": "a", "name": "x", "input": {}}, {"type": "tool_use", "id": "b", "name": "y", "input": {"z": 1}}
		]},
		{"role": "user", "content": [
			{"type": "tool_result", "tool_use_id": "a"},
			{"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "result"}]},
			{"type": "text", "text": "Three."}
		]}
	]`, string(body.Messages))
	assert.JSONEq(t, `[{"name": "x", "input_schema": {"type": "object"}}]`, string(body.Tools))
}

func TestRequestsThatAreNotSent(t *testing.T) {
	t.Parallel()
	s, a := start(t)
	broken := json.RawMessage(`{"planted`)
	for name, r := range map[string]*llm.Request{
		"tool":   {Tools: []llm.Tool{{Parameters: broken}}},
		"schema": {Schema: &llm.Schema{Schema: broken}},
		"call":   {Messages: []llm.Message{{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{Arguments: broken}}}}},
	} {
		_, err := a.Generate(t.Context(), r)
		e := failure(t, err)
		assert.Equal(t, llm.KindInvalidRequest, e.Kind, name)
		assert.Equal(t, "json", e.Code)
		_, err = drain(a, r)
		assert.Equal(t, llm.KindInvalidRequest, failure(t, err).Kind, name)
	}
	assert.Empty(t, s.Requests())
}

const (
	begin = "event: message_start\n" +
		`data: {"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}}` + "\n\n"
	text  = `data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hello"}}` + "\n\n"
	delta = `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}` + "\n\n"
	stop  = `data: {"type":"message_stop"}` + "\n\n"
)

func TestStreams(t *testing.T) {
	t.Parallel()
	counted := llm.Usage{Input: 14, Output: 9, CacheRead: 4}
	begun := llm.Usage{Input: 14, Output: 1, CacheRead: 4}
	arrived := llm.Usage{Input: 14, Output: llm.EstimateTokens("Hello"), CacheRead: 4, Estimated: true}
	for name, tt := range map[string]struct {
		body  string
		kind  llm.Kind
		code  string
		usage llm.Usage
	}{
		"complete":              {begin + text + delta + stop, "", "", counted},
		"ping":                  {begin + "event: ping\ndata: {\"type\":\"ping\"}\n\n" + text + delta + stop, "", "", counted},
		"an unknown event":      {begin + text + `data: {"type":"novelty","x":[1]}` + "\n\n" + delta + stop, "", "", counted},
		"input counted again":   {begin + text + strings.Replace(delta, `"output`, `"input_tokens":20,"output`, 1) + stop, "", "", llm.Usage{Input: 24, Output: 9, CacheRead: 4}},
		"what comes after":      {begin + text + delta + stop + "data: {", "", "", counted},
		"text at a start":       {begin + `data: {"type":"content_block_start","content_block":{"type":"text","text":"Hello"}}` + "\n\n" + delta + stop, "", "", counted},
		"output not counted":    {begin + text + strings.Replace(delta, `"usage"`, `"x"`, 1) + stop, "", "", llm.Usage{Input: 14, Output: llm.EstimateTokens("Hello"), CacheRead: 4, Estimated: true}},
		"nothing counted":       {text + strings.Replace(delta, `"usage"`, `"x"`, 1) + stop, "", "", llm.Usage{Input: llm.EstimateInput(ask()), Output: llm.EstimateTokens("Hello"), Estimated: true}},
		"a whole answer":        {`{"type":"message","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}`, "", "", llm.Usage{Input: 1, Output: 2}},
		"a stop sequence":       {begin + text + strings.Replace(delta, "end_turn", "stop_sequence", 1) + stop, "", "", counted},
		"cut":                   {begin + text, llm.KindTruncated, "", arrived},
		"cut before the end":    {begin + text + delta, llm.KindTruncated, "", counted},
		"no stop_reason":        {begin + text + stop, llm.KindTruncated, "", arrived},
		"a pause":               {begin + text + strings.Replace(delta, "end_turn", "pause_turn", 1) + stop, llm.KindUnavailable, "pause_turn", counted},
		"a refusal":             {begin + text + strings.Replace(delta, "end_turn", "refusal", 1) + stop, llm.KindContentFilter, "refusal", counted},
		"overloaded":            {begin + text + `data: {"type":"error","error":{"type":"overloaded_error","message":"x"}}` + "\n\n", llm.KindOverloaded, "overloaded_error", arrived},
		"an error with details": {begin + `data: {"type":"error","error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}` + "\n\n", llm.KindQuota, "enforced_spend_limit_reached", begun},
		"an error as a body":    {`{"type":"error","error":{"type":"billing_error","message":"x"}}`, llm.KindQuota, "billing_error", llm.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, a := start(t, llmtest.Reply{Body: tt.body})
			resp, err := drain(a, ask())
			if tt.kind == "" {
				require.NoError(t, err)
				assert.Equal(t, "Hello", resp.Text)
				assert.Equal(t, tt.usage, resp.Usage)
				assert.Equal(t, llm.FinishStop, resp.Finish)
				return
			}
			e := failure(t, err)
			assert.Equal(t, tt.kind, e.Kind)
			assert.Equal(t, tt.code, e.Code)
			assert.Equal(t, tt.usage, e.Usage)
		})
	}
}

func TestWindowIsUsedUp(t *testing.T) {
	t.Parallel()
	_, a := start(t, llmtest.Reply{Text: "Hello", Finish: "model_context_window_exceeded"})
	resp, err := a.Generate(t.Context(), ask())
	require.NoError(t, err)
	assert.Equal(t, llm.FinishLength, resp.Finish)
}

// Reasoning and the arguments of calls show that the model is at work.
func TestEventsWithoutText(t *testing.T) {
	t.Parallel()
	_, a := start(t, llmtest.Reply{Body: begin +
		`data: {"type":"content_block_start","content_block":{"type":"thinking","thinking":""}}` + "\n\n" +
		`data: {"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hmm"}}` + "\n\n" +
		`data: {"type":"content_block_delta","delta":{"type":"signature_delta","signature":"x"}}` + "\n\n" +
		`data: {"type":"content_block_start","content_block":{"type":"tool_use","id":"a","name":"x","input":{}}}` + "\n\n" +
		`data: {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"y\":"}}` + "\n\n" +
		`data: {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"1}"}}` + "\n\n" +
		`data: {"type":"content_block_start","content_block":{"type":"tool_use","id":"b","name":"z","input":{"whole":1}}}` + "\n\n" +
		strings.Replace(delta, "end_turn", "tool_use", 1) + stop})
	var got []llm.Event
	for e, err := range a.Stream(t.Context(), ask()) {
		require.NoError(t, err)
		got = append(got, e)
	}
	require.Len(t, got, 6)
	for _, e := range got[:3] {
		assert.Equal(t, llm.Event{}, e)
	}
	assert.Equal(t, &llm.ToolCall{ID: "a", Name: "x", Arguments: json.RawMessage(`{"y":1}`)}, got[3].ToolCall)
	assert.Equal(t, &llm.ToolCall{ID: "b", Name: "z", Arguments: json.RawMessage(`{"whole":1}`)}, got[4].ToolCall)
	assert.Equal(t, llm.FinishToolCalls, got[5].Result.Finish)
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c := claude.Config{BaseURL: "https://api.anthropic.com"}
	assert.False(t, c.Configured())
	c.APIKey = llmtest.Key
	assert.True(t, c.Configured())
	c.Validate(func(variable, _, message string) { assert.Fail(t, variable+message) })

	c.BaseURL = "http://planted.example.com"
	var problems []string
	c.Validate(func(variable, _, message string) { problems = append(problems, variable+" "+message) })
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0], "ANTHROPIC_BASE_URL must be https")
	_, err := claude.New(c, 1, http.DefaultClient)
	require.ErrorContains(t, err, "must be https")
	assert.NotContains(t, problems[0]+err.Error(), "planted")
}

func TestBaseURLWithAPath(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t)
	client := llm.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	for _, path := range []string{"/gateway", "/gateway/"} {
		_, err := newAdapter(t, s.URL+path, 1, client).Generate(t.Context(), ask())
		require.NoError(t, err)
	}
	for _, r := range s.Requests() {
		assert.Equal(t, "/gateway/v1/messages", r.Path)
	}
}
