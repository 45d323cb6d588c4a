package openai_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/openai"
)

const (
	key    = "sk-planted-key-3f9a"
	prompt = "Why is the planted-prompt sky blue?"
)

// client returns a client whose connections end with the test.
func client(t testing.TB) *http.Client {
	t.Helper()
	c := llm.NewHTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func newAdapter(t testing.TB, url, model string) *openai.Adapter {
	t.Helper()
	a, err := openai.New(openai.Config{APIKey: config.Secret(key), BaseURL: url + "/v1", Model: model}, 100, client(t))
	require.NoError(t, err)
	return a
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: prompt}}}
}

// drain returns the text and the tool calls of a stream, and its result or error.
func drain(a llm.Provider, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(a.Stream(context.Background(), r))
}

func failure(t testing.TB, err error) *llm.Error {
	t.Helper()
	e, ok := errors.AsType[*llm.Error](err)
	require.True(t, ok, "%T: %v", err, err)
	assert.NotContains(t, e.Error(), "planted")
	return e
}

func TestConformance(t *testing.T) {
	t.Parallel()
	llmtest.Conform(t, llmtest.Suite{Format: llmtest.OpenAI, New: func(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
		t.Helper()
		a, err := openai.New(openai.Config{APIKey: llmtest.Key, BaseURL: url + "/v1", Model: "gpt-4.1-mini"}, maxTokens, client)
		require.NoError(t, err)
		return a
	}})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, llmtest.Reply{Text: "It scatters light.", Usage: llm.Usage{Input: 20, Output: 5, CacheRead: 8}})
	a := newAdapter(t, s.URL, "gpt-4.1-mini")
	want := &llm.Response{Text: "It scatters light.", Result: llm.Result{
		Provider: "openai", Model: "gpt-4.1-mini", Finish: llm.FinishStop, Usage: llm.Usage{Input: 20, Output: 5, CacheRead: 8},
	}}

	whole, err := a.Generate(t.Context(), ask())
	require.NoError(t, err)
	want.RequestID = "req_0"
	assert.Equal(t, want, whole)

	streamed, err := drain(a, ask())
	require.NoError(t, err)
	want.RequestID = "req_1"
	assert.Equal(t, want, streamed)

	for _, r := range s.Requests() {
		assert.Equal(t, "/v1/chat/completions", r.Path)
		assert.Equal(t, "Bearer "+key, r.Header.Get("Authorization"))
		assert.Equal(t, 100, r.MaxTokens)
		assert.Nil(t, r.Temperature, "it was not set")
		assert.NotContains(t, string(r.Body), `"max_tokens"`)
	}
	assert.JSONEq(t, `{"include_usage": true}`, string(field(t, s.Requests()[1].Body, "stream_options")))
}

func field(t testing.TB, body []byte, name string) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &fields))
	return fields[name]
}

func TestRequestHasEverything(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t)
	zero := 0.0
	r := &llm.Request{
		System: "Be short.",
		Messages: []llm.Message{
			{Role: llm.RoleUser, Text: "What is this?", Images: []llm.Image{{MediaType: "image/png", Data: []byte{1, 2, 3}}}},
			{Role: llm.RoleUser, Images: []llm.Image{{MediaType: "image/webp", Data: []byte{4}}}},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{
				{ID: "a", Name: "look", Arguments: json.RawMessage(`{"x":1}`)}, {ID: "b", Name: "wait", Arguments: json.RawMessage(`{}`)},
			}},
			{Role: llm.RoleTool, ToolCallID: "a", Text: "a tree"},
			{Role: llm.RoleTool, ToolCallID: "b", Text: " "},
		},
		Tools: []llm.Tool{
			{Name: "look", Description: "Looks.", Parameters: json.RawMessage(`{"type":"object","properties":{"x":{"type":"integer"}}}`)},
			{Name: "wait", Parameters: json.RawMessage(`{}`)},
		},
		Schema:    &llm.Schema{Name: "thing", Schema: json.RawMessage(`{"type":"object","additionalProperties":false}`)},
		MaxTokens: 7, Temperature: &zero,
	}
	a := newAdapter(t, s.URL, "gpt-4.1-mini")
	_, err := a.Generate(t.Context(), r)
	require.NoError(t, err)
	got := s.Requests()[0]
	require.NotNil(t, got.Temperature, "a temperature of 0 has to be sent")
	assert.InDelta(t, 0, *got.Temperature, 1e-9)
	got.Temperature = &zero
	assert.Equal(t, *r, got.Request)
	assert.JSONEq(t, `{"type":"json_schema","json_schema":{"name":"thing","strict":true,"schema":{"type":"object","additionalProperties":false}}}`,
		string(field(t, got.Body, "response_format")))
}

// go-openai leaves out what is empty although OpenAI wants it.
func TestRequestMakesUpForWhatIsEmpty(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t)
	_, err := newAdapter(t, s.URL, "m").Generate(t.Context(), &llm.Request{
		Messages: []llm.Message{
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "a", Name: "wait"}}},
			{Role: llm.RoleTool, ToolCallID: "a"},
		},
		Tools:  []llm.Tool{{Name: "wait"}},
		Schema: &llm.Schema{Schema: json.RawMessage(`{}`)},
	})
	require.NoError(t, err)
	got := s.Requests()[0]
	assert.JSONEq(t, `[
		{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "wait", "arguments": "{}"}}]},
		{"role": "tool", "tool_call_id": "a", "content": " "}
	]`, string(field(t, got.Body, "messages")))
	assert.JSONEq(t, `{}`, string(got.Tools[0].Parameters))
	assert.Equal(t, "answer", got.Schema.Name)
}

// Servers that are compatible with OpenAI differ in how they stream tool calls.
func TestToolCallsOfCompatibleServers(t *testing.T) {
	t.Parallel()
	want := []llm.ToolCall{
		{ID: "1", Name: "look", Arguments: json.RawMessage(`{"x":1}`)}, {ID: "2", Name: "wait", Arguments: json.RawMessage(`{}`)},
	}
	for name, deltas := range map[string][]string{
		"interleaved": {
			`[{"index":0,"id":"1","function":{"name":"look","arguments":""}},{"index":1,"id":"2","function":{"name":"wait"}}]`,
			`[{"index":0,"function":{"arguments":"{\"x\""}}]`, `[{"index":1,"function":{"arguments":"{}"}}]`,
			`[{"index":0,"function":{"arguments":":1}"}}]`,
		},
		"counted from one": {
			`[{"index":1,"id":"1","function":{"name":"look","arguments":"{\"x\":1}"}}]`, `[{"index":2,"id":"2","function":{"name":"wait"}}]`,
		},
		"whole, without index": {
			`[{"id":"1","function":{"name":"look","arguments":"{\"x\":1}"}},{"id":"2","function":{"name":"wait","arguments":"{}"}}]`,
		},
		"parts without index": {
			`[{"id":"1","function":{"name":"look","arguments":"{\"x\""}}]`, `[{"function":{"arguments":":1}"}}]`,
			`[{"id":"2","function":{"name":"wait"}}]`,
		},
		"name repeated": {
			`[{"index":0,"id":"1","function":{"name":"look","arguments":"{\"x\":"}}]`,
			`[{"index":0,"id":"1","function":{"name":"look","arguments":"1}"}},{"index":1,"id":"2","function":{"name":"wait"}}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body strings.Builder
			for _, d := range deltas {
				body.WriteString(`data: {"choices":[{"delta":{"tool_calls":` + d + `}}]}` + "\n\n")
			}
			body.WriteString(`data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")
			s := llmtest.NewServer(t, llmtest.Reply{Body: body.String()})
			resp, err := drain(newAdapter(t, s.URL, "m"), ask())
			require.NoError(t, err)
			assert.Equal(t, want, resp.ToolCalls)
			assert.Equal(t, llm.FinishToolCalls, resp.Finish, "although the server says stop")
		})
	}
}

// word is the first part of a stream.
const word = `data: {"choices":[{"delta":{"content":"planted-answer"}}]}` + "\n\n"

func TestStreamIsCompleteWithAFinishReason(t *testing.T) {
	t.Parallel()
	const stop = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	const usage = `data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}` + "\n\n"
	estimated := llm.Usage{Input: llm.EstimateInput(ask()), Output: llm.EstimateTokens("planted-answer"), Estimated: true}
	for name, tt := range map[string]struct {
		body  string
		kind  llm.Kind
		usage llm.Usage
	}{
		"complete":                     {word + stop + usage + "data: [DONE]\n\n", "", llm.Usage{Input: 9, Output: 4}},
		"no [DONE]":                    {word + stop + usage, "", llm.Usage{Input: 9, Output: 4}},
		"no usage":                     {word + stop + "data: [DONE]\n\n", "", estimated},
		"usage of nothing":             {word + stop + `data: {"choices":[],"usage":{}}` + "\n\n", "", estimated},
		"no newline at the end":        {word + strings.TrimSpace(stop), "", estimated},
		"carriage returns":             {strings.ReplaceAll(word+stop+usage, "\n", "\r\n"), "", llm.Usage{Input: 9, Output: 4}},
		"no space after the colon":     {strings.ReplaceAll(word+stop, "data: ", "data:"), "", estimated},
		"garbage after the end":        {word + stop + "data: {\n\n", "", estimated},
		"other fields":                 {"event: x\nid: 1\nretry: 5\n" + word + "foo\n" + stop, "", estimated},
		"a thousand comments":          {strings.Repeat(": working\n\n", 1000) + word + stop, "", estimated},
		"a long line":                  {word + `data: {"x":"` + strings.Repeat("x", 100_000) + `","choices":[]}` + "\n\n" + stop, "", estimated},
		"an answer that is no stream":  {`{"choices":[{"message":{"content":"planted-answer"},"finish_reason":"stop"}]}`, "", estimated},
		"cut":                          {word, llm.KindTruncated, llm.Usage{}},
		"cut, but [DONE]":              {word + "data: [DONE]\n\n", llm.KindTruncated, llm.Usage{}},
		"cut in a frame":               {word + `data: {"choices":[{"del`, llm.KindTruncated, llm.Usage{}},
		"cut after the usage":          {word + usage, llm.KindTruncated, llm.Usage{}},
		"cut in a whole answer":        {`{"choices":[{"message":{"content":"planted-ans`, llm.KindTruncated, llm.Usage{}},
		"whole, without finish_reason": {`{"choices":[{"message":{"content":"planted-answer"}}]}`, llm.KindTruncated, llm.Usage{}},
		"nothing":                      {"\n", llm.KindTruncated, llm.Usage{}},
		"no JSON":                      {word + "data: planted\n\n" + stop, llm.KindUnavailable, llm.Usage{}},
		"empty frame":                  {word + "data:\n\n" + stop, llm.KindTruncated, llm.Usage{}},
		"filtered":                     {word + strings.Replace(stop, "stop", "content_filter", 1), llm.KindContentFilter, llm.Usage{}},
		"refused":                      {`data: {"choices":[{"delta":{"refusal":"planted no"}}]}` + "\n\n" + stop, llm.KindContentFilter, llm.Usage{}},
		"finished by an error":         {word + strings.Replace(stop, "stop", "error", 1), llm.KindUnavailable, llm.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, llmtest.Reply{Body: tt.body})
			resp, err := drain(newAdapter(t, s.URL, "m"), ask())
			if tt.kind == "" {
				require.NoError(t, err)
				assert.Equal(t, "planted-answer", resp.Text)
				assert.Equal(t, tt.usage, resp.Usage)
				return
			}
			e := failure(t, err)
			assert.Equal(t, tt.kind, e.Kind, e.Cause)
			assert.Equal(t, http.StatusOK, e.Status)
			assert.Equal(t, "openai", e.Provider)
		})
	}
}

// go-openai loses errors with the status 200, and most of those in a stream.
func TestErrorsWithStatus200(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		error string
		kind  llm.Kind
		code  string
	}{
		"an object":        {`{"error":{"message":"planted","type":"server_error","code":"server_is_overloaded"}}`, llm.KindOverloaded, "server_is_overloaded"},
		"with a blank":     {`{ "error": {"type":"insufficient_quota","message":"planted"}}`, llm.KindQuota, "insufficient_quota"},
		"its type first":   {`{"type":"error","error":{"type":"overloaded_error","message":"planted"}}`, llm.KindOverloaded, "overloaded_error"},
		"a number":         {`{"error":{"code":429,"message":"planted"}}`, llm.KindRateLimit, "429"},
		"a text":           {`{"error":"planted: prompt is too long"}`, llm.KindContextLength, ""},
		"an empty object":  {`{"error":{}}`, llm.KindUnavailable, ""},
		"beside choices":   {`{"choices":[],"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, llm.KindContentFilter, "content_filter"},
		"inner":            {`{"error":{"code":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, llm.KindContentFilter, "ResponsibleAIPolicyViolation"},
		"in a choice":      {`{"choices":[{"error":{"code":502,"message":"planted"},"finish_reason":"error"}]}`, llm.KindUnavailable, "502"},
		"of a wrong type":  {`{"error":{"message":["planted"],"type":"rate_limit_exceeded"}}`, llm.KindRateLimit, "rate_limit_exceeded"},
		"a code with text": {`{"error":{"code":"planted text of a provider"}}`, llm.KindUnavailable, "planted"},
	} {
		for form, body := range map[string]string{
			"whole":                tt.error,
			"in a stream":          word + "data: " + tt.error + "\n\n",
			"in a stream, named":   word + "event: error\ndata:" + tt.error + "\n\ndata: [DONE]\n\n",
			"in a stream, at once": "data: " + tt.error + "\n\n",
		} {
			t.Run(name+"/"+form, func(t *testing.T) {
				t.Parallel()
				s := llmtest.NewServer(t, llmtest.Reply{Body: body})
				a := newAdapter(t, s.URL, "m")
				_, err := drain(a, ask())
				e, ok := errors.AsType[*llm.Error](err)
				require.True(t, ok, err)
				assert.Equal(t, tt.kind, e.Kind)
				assert.Equal(t, tt.code, e.Code)
				if form == "whole" {
					_, err = a.Generate(t.Context(), ask())
					e, ok := errors.AsType[*llm.Error](err)
					require.True(t, ok, err)
					assert.Equal(t, tt.kind, e.Kind)
					_, _, err = a.Embed(t.Context(), "e", []string{"x"})
					e, ok = errors.AsType[*llm.Error](err)
					require.True(t, ok, err)
					assert.Equal(t, tt.kind, e.Kind)
				}
			})
		}
	}
}

func TestWholeAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]llm.Kind{
		`{"choices":[]}`:       llm.KindTruncated,
		`{}`:                   llm.KindTruncated,
		`<html>planted</html>`: llm.KindUnavailable,
		`null`:                 llm.KindTruncated,
		` `:                    llm.KindTruncated,
		`{"choices":[{"message":{"content":"planted`:                                    llm.KindTruncated,
		`{"choices":[{"message":{"content":"planted"}}]}`:                               llm.KindTruncated,
		`{"choices":[{"message":{"refusal":"planted"},"finish_reason":"stop"}]}`:        llm.KindContentFilter,
		`{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}`:     llm.KindContentFilter,
		`{"choices":[{"message":{"content":["planted"]},"finish_reason":"stop"}]}`:      llm.KindUnavailable,
		`{"choices":[{"message":{"content":"planted"},"finish_reason":"planted sum"}]}`: llm.KindUnavailable,
	} {
		s := llmtest.NewServer(t, llmtest.Reply{Body: body})
		_, err := newAdapter(t, s.URL, "m").Generate(t.Context(), ask())
		e, ok := errors.AsType[*llm.Error](err)
		require.True(t, ok, "%s: %v", body, err)
		assert.Equal(t, want, e.Kind, body)
	}
}

func TestErrorStatus(t *testing.T) {
	t.Parallel()
	const html = "<html>planted</html>"
	for name, tt := range map[string]struct {
		reply llmtest.Reply
		kind  llm.Kind
		code  string
	}{
		"quota":      {llmtest.Reply{Status: 429, Code: "insufficient_quota", Message: "planted"}, llm.KindQuota, "insufficient_quota"},
		"rate limit": {llmtest.Reply{Status: 429, Code: "rate_limit_exceeded requests"}, llm.KindRateLimit, "rate_limit_exceeded"},
		"key":        {llmtest.Reply{Status: 401, Code: "invalid_api_key", Message: "planted key"}, llm.KindAuth, "invalid_api_key"},
		"too long":   {llmtest.Reply{Status: 400, Code: "context_length_exceeded"}, llm.KindContextLength, "context_length_exceeded"},
		"a text":     {llmtest.Reply{Status: 400, Body: `{"error":"planted: maximum context length is 5"}`}, llm.KindContextLength, ""},
		"a detail":   {llmtest.Reply{Status: 422, Body: `{"detail":[{"msg":"planted"}]}`}, llm.KindInvalidRequest, ""},
		"HTML":       {llmtest.Reply{Status: 502, Body: html, ContentType: "text/html"}, llm.KindUnavailable, ""},
		"empty":      {llmtest.Reply{Status: 503, Body: " "}, llm.KindOverloaded, ""},
		"a redirect without a place": {llmtest.Reply{Status: 300, Body: `{"choices":[{"message":{"content":"planted"},"finish_reason":"stop"}]}`},
			llm.KindUnavailable, ""},
		"not modified": {llmtest.Reply{Status: 304}, llm.KindUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.reply.Header = map[string]string{"Retry-After": "7"}
			s := llmtest.NewServer(t, tt.reply)
			a := newAdapter(t, s.URL, "m")
			_, err := a.Generate(t.Context(), ask())
			_, streamErr := drain(a, ask())
			_, _, embedErr := a.Embed(t.Context(), "m", []string{"x"})
			for i, err := range []error{err, streamErr, embedErr} {
				e := failure(t, err)
				assert.Equal(t, tt.kind, e.Kind)
				assert.Equal(t, tt.code, e.Code)
				assert.Equal(t, tt.reply.Status, e.Status)
				assert.Equal(t, 7*time.Second, e.RetryAfter)
				assert.Equal(t, []string{"req_0", "req_1", "req_2"}[i], e.RequestID)
			}
			assert.Len(t, s.Requests(), 3, "nothing is tried again")
		})
	}
}

// A reader of a stream may leave at any event.
func TestLeavingAtEachEvent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`} {
		s := llmtest.NewServer(t, llmtest.Reply{Text: "one two", ToolCalls: []llm.ToolCall{{ID: "1", Name: "x"}, {ID: "2", Name: "y"}}, Body: body})
		a := newAdapter(t, s.URL, "m")
		for stay, over := 0, false; !over; stay++ {
			n := 0
			for e, err := range a.Stream(t.Context(), ask()) {
				require.NoError(t, err)
				over = e.Result != nil
				if n == stay {
					break
				}
				n++
			}
		}
	}
}

func TestModelsThatTakeLess(t *testing.T) {
	t.Parallel()
	const all = llm.FeatureTools | llm.FeatureSchema | llm.FeatureImages | llm.FeatureTemperature
	half := 0.5
	for model, want := range map[string]llm.Features{
		"gpt-4.1-mini": all,
		"llama-4":      all,
		"o3":           all &^ llm.FeatureTemperature,
		"gpt-5.4-mini": all &^ llm.FeatureTemperature,
		"gpt-5-mine":   all &^ llm.FeatureTemperature, // by its name, whatever it is
		"gpt-6-luna":   all &^ llm.FeatureTemperature &^ llm.FeatureTools,
	} {
		s := llmtest.NewServer(t)
		a := newAdapter(t, s.URL, model)
		assert.Equal(t, want, a.Info().Features, model)
		for _, r := range []*llm.Request{
			{Messages: ask().Messages, Temperature: &half}, {Messages: ask().Messages, Tools: []llm.Tool{{Name: "x"}}},
		} {
			_, err := a.Generate(t.Context(), r)
			if r.Features()&^want == 0 {
				require.NoError(t, err, model)
				continue
			}
			e := failure(t, err)
			assert.Equal(t, llm.KindUnsupported, e.Kind, model)
		}
		_, err := a.Generate(t.Context(), ask())
		require.NoError(t, err, "%s takes what sets neither", model)
	}
}

func TestRequestsThatAreNotSent(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t)
	broken := json.RawMessage(`{"planted`)
	for name, r := range map[string]*llm.Request{
		"tool":   {Tools: []llm.Tool{{Parameters: broken}}},
		"schema": {Schema: &llm.Schema{Schema: broken}},
	} {
		e := failure(t, func() error { _, err := newAdapter(t, s.URL, "m").Generate(t.Context(), r); return err }())
		assert.Equal(t, llm.KindInvalidRequest, e.Kind, name)
	}
	_, err := drain(newAdapter(t, s.URL, "text-davinci-003"), ask())
	e := failure(t, err)
	assert.Equal(t, llm.KindModelNotFound, e.Kind)
	assert.Equal(t, "not_a_chat_model", e.Code)
	assert.Empty(t, s.Requests())
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t)
	a := newAdapter(t, s.URL, "m")
	texts := []string{"a", "bc"}
	vectors, usage, err := a.Embed(t.Context(), "text-embedding-3-small", texts)
	require.NoError(t, err)
	assert.Equal(t, [][]float32{llmtest.Vector("a"), llmtest.Vector("bc")}, vectors, "in the order of the texts")
	assert.Equal(t, llm.Usage{Input: llmtest.DefaultUsage.Input}, usage)
	r := s.Requests()[0]
	assert.Equal(t, "/v1/embeddings", r.Path)
	assert.Equal(t, "text-embedding-3-small", r.Model)
	assert.Equal(t, texts, r.Texts)
	assert.Equal(t, "Bearer "+key, r.Header.Get("Authorization"))

	for _, data := range []string{
		`[{"index":0,"embedding":[1]}]`, `[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]`,
		`[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]`, `[{"index":0,"embedding":[1]},{"index":-1,"embedding":[1]}]`, `[]`,
	} {
		s := llmtest.NewServer(t, llmtest.Reply{Body: `{"data":` + data + `}`})
		_, _, err := newAdapter(t, s.URL, "m").Embed(t.Context(), "e", texts)
		e := failure(t, err)
		assert.Equal(t, llm.KindUnavailable, e.Kind, data)
		assert.Equal(t, "e", e.Model)
	}

	s = llmtest.NewServer(t, llmtest.Reply{Body: `{"data":[{"index":0,"embedding":[1]}]}`})
	_, usage, err = newAdapter(t, s.URL, "m").Embed(t.Context(), "e", []string{"a text"})
	require.NoError(t, err)
	assert.Equal(t, llm.Usage{Input: llm.EstimateTokens("a text"), Estimated: true}, usage)
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c := openai.Config{BaseURL: "https://api.openai.com/v1"}
	assert.False(t, c.Configured())
	c.BaseURL += "/"
	assert.False(t, c.Configured(), "the same URL")
	c.APIKey = key
	assert.True(t, c.Configured())
	c = openai.Config{BaseURL: "http://vllm:8000/v1"}
	assert.True(t, c.Configured(), "a server without a key")

	c.BaseURL = "http://planted.example.com"
	var problems []string
	c.Validate(func(variable, _, message string) { problems = append(problems, variable+" "+message) })
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0], "OPENAI_BASE_URL must be https")
	_, err := openai.New(c, 1, http.DefaultClient)
	require.ErrorContains(t, err, "must be https")
	assert.NotContains(t, problems[0]+err.Error(), "planted")
}

func TestNoKeyIsSentWithoutOne(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t)
	a, err := openai.New(openai.Config{BaseURL: s.URL + "/v1/", Model: "m"}, 1, client(t))
	require.NoError(t, err)
	_, err = a.Generate(t.Context(), ask())
	require.NoError(t, err)
	assert.NotContains(t, s.Requests()[0].Header, "Authorization")
	assert.Equal(t, "/v1/chat/completions", s.Requests()[0].Path)
}

var _ llm.Embedder = (*openai.Adapter)(nil)

var errPlanted = errors.Sentinel("planted: " + key)

// roundTripper is an [http.RoundTripper].
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBodiesAreClosed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 302} {
		closed := 0
		a, err := openai.New(openai.Config{BaseURL: "https://h", Model: "m"}, 1, &http.Client{
			Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Body: &body{Reader: strings.NewReader("{}"), closed: &closed}}, nil
			}),
		})
		require.NoError(t, err)
		_, err = a.Generate(t.Context(), ask())
		require.Error(t, err)
		_, err = drain(a, ask())
		require.Error(t, err)
		_, _, err = a.Embed(t.Context(), "m", []string{"x"})
		require.Error(t, err)
		assert.Equal(t, 3, closed, status)
	}
}

type body struct {
	io.Reader
	closed *int
}

func (b *body) Close() error { *b.closed++; return nil }
