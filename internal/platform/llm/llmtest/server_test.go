package llmtest_test

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
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// formats has a request of each format, in which %s is the value of stream.
var formats = map[llmtest.Format]struct{ path, request string }{
	llmtest.OpenAI: {"/v1/chat/completions", `{"model":"m","stream":%s,"stream_options":{"include_usage":true},` +
		`"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]}`},
	llmtest.Azure: {"/openai/deployments/d/chat/completions", `{"model":"m","stream":%s,"messages":[` +
		`{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
	llmtest.Claude: {"/v1/messages", `{"model":"m","stream":%s,"system":"Be brief.",` +
		`"messages":[{"role":"user","content":"Hi"}]}`},
	llmtest.Ollama: {"/api/chat", `{"model":"m","stream":%s,"messages":[` +
		`{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]}`},
}

type response struct {
	StatusCode int
	Header     http.Header
}

// post sends the request of a format and returns the response as far as it came.
func post(
	ctx context.Context, t *testing.T, s *llmtest.Server, f llmtest.Format, stream string,
) (response, string, error) {
	t.Helper()
	client := llm.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	body := strings.NewReader(strings.Replace(formats[f].request, "%s", stream, 1))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+formats[f].path, body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	resp, err := client.Do(req)
	if err != nil {
		return response{}, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header}, string(data), err
}

func TestServerSpeaksTheFormats(t *testing.T) {
	t.Parallel()
	for format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, llmtest.Reply{Text: "Hello, world."}, llmtest.Reply{
				Status: 429, Code: "code type", Message: "slower", Header: map[string]string{"Retry-After": "7"},
			})

			resp, body, err := post(t.Context(), t, s, format, "false")
			require.NoError(t, err)
			if format == llmtest.OpenAI || format == llmtest.Azure { // The other adapters only stream.
				assert.True(t, json.Valid([]byte(body)), body)
				assert.Contains(t, body, "Hello, world.")
				assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
			}

			resp, body, err = post(t.Context(), t, s, format, "false")
			require.NoError(t, err)
			assert.True(t, json.Valid([]byte(body)), body)
			assert.Contains(t, body, "slower")
			assert.Equal(t, 429, resp.StatusCode)
			assert.Equal(t, "7", resp.Header.Get("Retry-After"))

			s.Script(func(n int, r *llmtest.Request) llmtest.Reply { return llmtest.Reply{Text: r.Model + " 3"} })
			resp, body, err = post(t.Context(), t, s, format, "true")
			require.NoError(t, err)
			assert.NotContains(t, body, "m 3", "the words are events of their own")
			assert.Contains(t, body, `"3"`)
			assert.NotEqual(t, "application/json", resp.Header.Get("Content-Type"))

			requests := s.Requests()
			require.Len(t, requests, 3)
			assert.Equal(t, format, requests[2].Format)
			assert.True(t, requests[2].Stream)
			assert.False(t, requests[1].Stream)
			assert.Equal(t, llm.Request{
				System: "Be brief.", Messages: []llm.Message{{Role: llm.RoleUser, Text: "Hi"}},
			}, requests[0].Request)
		})
	}
}

func TestServerFails(t *testing.T) {
	t.Parallel()
	for format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			reply := llmtest.Reply{Text: "Hello, world.", After: 20}
			with := func(f llmtest.Fault) *llmtest.Server {
				reply := reply
				reply.Fault = f
				return llmtest.NewServer(t, reply)
			}
			_, body, err := post(t.Context(), t, with(llmtest.FaultEnd), format, "true")
			require.NoError(t, err)
			assert.Len(t, body, 20)

			_, body, err = post(t.Context(), t, with(llmtest.FaultCut), format, "true")
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Len(t, body, 20)

			for _, fault := range []llmtest.Fault{llmtest.FaultStall, llmtest.FaultSilent} {
				s := llmtest.NewServer(t)
				ctx, cancel := context.WithCancel(t.Context())
				stalling := reply
				stalling.Fault = fault
				s.Script(func(int, *llmtest.Request) llmtest.Reply {
					time.AfterFunc(50*time.Millisecond, cancel)
					return stalling
				})
				_, body, err = post(ctx, t, s, format, "true")
				require.ErrorIs(t, err, context.Canceled)
				assert.LessOrEqual(t, len(body), 20)
				s.AwaitGone(t)
			}

			page := llmtest.Reply{Body: "<p>", ContentType: "text/html"}
			s := llmtest.NewServer(t, llmtest.Reply{Text: "a b c", Frame: "broken"}, page)
			_, body, err = post(t.Context(), t, s, format, "true")
			require.NoError(t, err)
			assert.True(t, strings.HasSuffix(body, "broken"), body)
			assert.NotContains(t, body, `"b "`)

			resp, body, err := post(t.Context(), t, s, format, "true")
			require.NoError(t, err)
			assert.Equal(t, "<p>", body)
			assert.Equal(t, "text/html", resp.Header.Get("Content-Type"))
		})
	}
}
