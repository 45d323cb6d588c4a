package ollama_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/ollama"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newAdapter(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
	t.Helper()
	a, err := ollama.New(ollama.Config{Host: url, Model: "small"}, maxTokens, client)
	require.NoError(t, err)
	return a
}

func TestConformance(t *testing.T) {
	t.Parallel()
	llmtest.Conform(t, llmtest.Suite{Format: llmtest.Ollama, New: newAdapter})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url        string // of a request; empty if the host is refused
		configured bool
	}{
		"http://localhost:11434":         {"http://localhost:11434/api/chat", true},
		"localhost:11434":                {"http://localhost:11434/api/chat", true},
		"gpu.internal":                   {"http://gpu.internal:11434/api/chat", true},
		"gpu.internal:80":                {"http://gpu.internal:80/api/chat", true},
		"10.0.0.7":                       {"http://10.0.0.7:11434/api/chat", true},
		"[::1]":                          {"http://[::1]:11434/api/chat", true},
		"[::1]:9000":                     {"http://[::1]:9000/api/chat", true},
		"http://gpu.internal":            {"http://gpu.internal/api/chat", true},
		"https://ollama.example.com":     {"https://ollama.example.com/api/chat", true},
		"https://example.com:8443/llm/":  {"https://example.com:8443/llm/api/chat", true},
		"ftp://gpu.internal":             {"", true},
		"http://":                        {"", true},
		"":                               {"http://localhost:11434/api/chat", false},
		"http://user:secret@gpu":         {"", true},
		"http://gpu/?key=secret":         {"", true},
		"http://gpu/#secret":             {"", true},
		"gpu:port":                       {"", true},
		"http://[::1":                    {"", true},
		"http://gpu.internal:secret-key": {"", true},
	}
	for host, tt := range tests {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			cfg := ollama.Config{Host: host}
			assert.Equal(t, tt.configured, cfg.Configured())
			var problems []string
			cfg.Validate(func(variable, _, message string) { problems = append(problems, variable+" "+message) })
			var asked string
			client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.String()
				return nil, io.EOF
			})}
			a, err := ollama.New(cfg, 1, client)
			if tt.url == "" {
				require.ErrorContains(t, err, "host")
				require.Len(t, problems, 1)
				assert.NotContains(t, err.Error()+problems[0], "secret")
				return
			}
			require.NoError(t, err)
			assert.Empty(t, problems)
			_, err = a.Generate(t.Context(), &llm.Request{})
			require.Error(t, err)
			assert.Equal(t, tt.url, asked)
			assert.Equal(t, "llama3.2", a.Info().Model)
		})
	}
	assert.True(t, (&ollama.Config{Model: "x"}).Configured())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Without these options, Ollama cuts a long prompt or shifts its beginning out of the window, and
// does not say so.
func TestRequestForbidsSilentCuts(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t, llmtest.Reply{Text: "Yes."})
	a := newAdapter(t, server.URL, 9, client(t))
	_, err := a.Generate(t.Context(), &llm.Request{
		Messages: []llm.Message{
			{Role: llm.RoleUser, Text: "?"},
			{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "call_0", Name: "now"}}},
			{Role: llm.RoleTool, ToolCallID: "call_0", Text: "noon"},
		},
	})
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"model": "small", "stream": true, "truncate": false, "shift": false, "options": {"num_predict": 9},
		"messages": [
			{"role": "user", "content": "?"},
			{"role": "assistant", "content": "", "tool_calls": [
				{"id": "call_0", "function": {"index": 0, "name": "now", "arguments": {}}}
			]},
			{"role": "tool", "content": "noon", "tool_name": "now", "tool_call_id": "call_0"}
		]}`, string(server.Requests()[0].Body))
	_, _, err = a.(llm.Embedder).Embed(t.Context(), "embedder", []string{"x"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"model": "embedder", "input": ["x"], "truncate": false}`, string(server.Requests()[1].Body))
}

func client(t testing.TB) *http.Client {
	t.Helper()
	c := llm.NewHTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// A model may have written arguments that are not JSON, in a conversation with another provider.
func TestRequestThatCannotBeSent(t *testing.T) {
	t.Parallel()
	server := llmtest.NewServer(t)
	_, err := newAdapter(t, server.URL, 9, client(t)).Generate(t.Context(), &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "call_0", Name: "now", Arguments: json.RawMessage(`{"in":`)}}},
	}})
	e, ok := errors.AsType[*llm.Error](err)
	require.True(t, ok)
	assert.Equal(t, llm.KindInvalidRequest, e.Kind)
	assert.Empty(t, server.Requests())
}

func TestCallsWithoutIDsGetSome(t *testing.T) {
	t.Parallel()
	const call = `{"message":{"tool_calls":[{"function":{"name":"now","arguments":{}}}]}}` + "\n"
	a := newAdapter(t, llmtest.NewServer(t, llmtest.Reply{Body: call + call + `{"done":true}`}).URL, 9, client(t))
	resp, err := a.Generate(t.Context(), &llm.Request{})
	require.NoError(t, err)
	require.Len(t, resp.ToolCalls, 2)
	assert.Equal(t, []string{"call_0", "call_1"}, []string{resp.ToolCalls[0].ID, resp.ToolCalls[1].ID})
	assert.Equal(t, llm.FinishToolCalls, resp.Finish)
}

// A thinking model is at work, although it has written nothing yet.
func TestThinkingIsAnEventWithoutContent(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, llmtest.NewServer(t, llmtest.Reply{Text: "Yes."}).URL, 9, client(t))
	var events []llm.Event
	for e, err := range a.Stream(t.Context(), &llm.Request{}) {
		require.NoError(t, err)
		events = append(events, e)
	}
	require.Len(t, events, 3)
	assert.Equal(t, []llm.Event{{}, {Text: "Yes."}}, events[:2])
	assert.NotNil(t, events[2].Result)
}

// An answer is complete if a line is done, and all lines before it are no errors.
func FuzzStream(f *testing.F) {
	f.Add(`{"message":{"content":"Hi"}}` + "\n" + `{"done":true,"done_reason":"stop","eval_count":1}`)
	f.Add(`{"message":{"content":"Hi"}}` + "\n" + `{"error":"x"}`)
	f.Add(`{"message":{"tool_calls":[{"function":{"name":"x","arguments":{}}}]},"done":true}`)
	f.Add(`{"done":tru`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
		})}
		resp, err := newAdapter(t, "localhost", 9, client).Generate(t.Context(), &llm.Request{})
		if err != nil {
			_, ok := errors.AsType[*llm.Error](err)
			require.True(t, ok, "%T", err)
			return
		}
		var text string
		decoder := json.NewDecoder(strings.NewReader(body))
		for {
			var line struct {
				Error   any `json:"error"`
				Message struct {
					Content string `json:"content"`
				} `json:"message"`
				Done bool `json:"done"`
			}
			require.NoError(t, decoder.Decode(&line), "%+v of %q", resp, body)
			require.Nil(t, line.Error)
			text += line.Message.Content
			if line.Done {
				break
			}
		}
		assert.Equal(t, text, resp.Text)
	})
}
