package llmtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

func (s *Suite) testErrors(t *testing.T) {
	tests := []struct {
		status        int
		code, message string // of OpenAI, with the type as second word
		want          llm.Kind
		only          Format // empty for all
	}{
		{400, "invalid_request_error", "bad", llm.KindInvalidRequest, ""},
		{401, "invalid_api_key authentication_error", "", llm.KindAuth, ""},
		{404, "model_not_found not_found_error", "model 'x' not found", llm.KindModelNotFound, ""},
		{429, "", "", llm.KindRateLimit, ""},
		{500, "api_error", "", llm.KindUnavailable, ""},
		{529, "", "", llm.KindOverloaded, ""},
		{418, "", "", llm.KindUnknown, ""},
		{304, "", "", llm.KindUnavailable, ""},

		{429, "insufficient_quota insufficient_quota", "", llm.KindQuota, OpenAI},
		{400, "context_length_exceeded invalid_request_error", "", llm.KindContextLength, OpenAI},
		{403, "unsupported_country_region_territory request_forbidden", "", llm.KindRegion, OpenAI},
		{400, "content_policy_violation invalid_request_error", "", llm.KindContentFilter, OpenAI},
		{400, "content_filter", "", llm.KindContentFilter, Azure},
		{404, "DeploymentNotFound", "", llm.KindModelNotFound, Azure},
		{402, "billing_error", "", llm.KindQuota, Claude},
		{400, "invalid_request_error", "Your credit balance is too low", llm.KindQuota, Claude},
		{400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", llm.KindContextLength, Claude},
		{529, "overloaded_error", "Overloaded", llm.KindOverloaded, Claude},
		{400, "", "the input length exceeds the context length", llm.KindContextLength, Ollama},
		{400, "", `"x" does not support tools`, llm.KindUnsupported, Ollama},
	}
	for _, tt := range tests {
		if tt.only != "" && tt.only != s.Format {
			continue
		}
		reply := Reply{
			Status: tt.status, Code: tt.code, Message: strings.TrimSpace(tt.message + " " + planted + " " + Key),
			Header: map[string]string{"Retry-After": "7"},
		}
		t.Run(fmt.Sprint(tt.status, " ", tt.code), func(t *testing.T) {
			t.Parallel()
			both(t, func(t *trial) {
				server := NewServer(t, reply)
				a := s.adapter(t, server)
				resp, err := t.ask(t.Context(), a, hello())
				e := failure(t, resp, err)
				assert.Equal(t, tt.want, e.Kind)
				assert.Equal(t, tt.status, e.Status)
				assert.Equal(t, 7*time.Second, e.RetryAfter)
				assert.Equal(t, a.Info().Provider+a.Info().Model, e.Provider+e.Model)
				if s.Format != Ollama {
					assert.Equal(t, "req_0", e.RequestID)
				}
				assert.Len(t, server.Requests(), 1, "requests: each is charged, and the chain decides about retries")
			})
		})
	}
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *trial) {
			client := llm.NewHTTPClient()
			resp, err := t.ask(t.Context(), s.New(t, "http://127.0.0.1:1", maxTokens, client), hello())
			e := failure(t, resp, err)
			assert.Equal(t, llm.KindUnavailable, e.Kind)
			assert.Zero(t, e.Status)
		})
	})
}

const page = "<!DOCTYPE html><html><body>" + planted + "</body></html>"

// testBodies has bodies that are no answers.
func (s *Suite) testBodies(t *testing.T) {
	c := codecs[s.Format]
	coded := llm.KindOverloaded
	if s.Format == Ollama { // has no codes
		coded = llm.KindUnavailable
	}
	tests := map[string]struct {
		reply Reply
		want  llm.Kind // empty for any
	}{
		"a page":                   {Reply{Body: page, ContentType: "text/html"}, llm.KindUnavailable},
		"a page as an answer":      {Reply{Body: page}, ""},
		"a page of a gateway":      {Reply{Body: page, ContentType: "text/html", Status: 502}, llm.KindUnavailable},
		"a page of a firewall":     {Reply{Body: page, ContentType: "text/html", Status: 403}, llm.KindAuth},
		"a page without a route":   {Reply{Body: page, ContentType: "text/html", Status: 404}, llm.KindModelNotFound},
		"an error without JSON":    {Reply{Body: planted, Status: 503}, llm.KindOverloaded},
		"an error in another form": {Reply{Body: `{"detail":[]}`, Status: 400}, llm.KindInvalidRequest},
		"an error as a list":       {Reply{Body: `[{"error":{}}]`, Status: 429}, llm.KindRateLimit},
		"an error as a string":     {Reply{Body: `{"error":"` + planted + `"}`, Status: 500}, llm.KindUnavailable},
		"an error with a null":     {Reply{Body: `{"error":null}`, Status: 500}, llm.KindUnavailable},
		"half an error":            {Reply{Body: `{"error":{"mess`, Status: 429}, llm.KindRateLimit},
		"an error with status 200": {Reply{Body: text(c.fail("server_is_overloaded", "overloaded_error", planted))}, coded},
		"an error text with 200":   {Reply{Body: `{"error":"` + planted + `"}`}, llm.KindUnavailable},
		"an empty object":          {Reply{Body: `{}`}, ""},
		"null":                     {Reply{Body: `null`}, ""},
		"a list":                   {Reply{Body: `[]`}, ""},
		"a blank":                  {Reply{Body: " "}, ""},
		"no choices":               {Reply{Body: `{"choices":[],"content":[],"usage":{}}`}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *trial) {
				server := NewServer(t, tt.reply)
				resp, err := t.ask(t.Context(), s.adapter(t, server), hello())
				e := failure(t, resp, err)
				if tt.want != "" {
					assert.Equal(t, tt.want, e.Kind)
				}
				assert.Contains(t, []llm.Kind{
					llm.KindUnavailable, llm.KindTruncated, llm.KindAuth, llm.KindModelNotFound, llm.KindOverloaded,
					llm.KindInvalidRequest, llm.KindRateLimit,
				}, e.Kind)
				assert.Equal(t, max(tt.reply.Status, 200), e.Status)
				assert.Len(t, server.Requests(), 1)
			})
		})
	}
	for _, status := range []int{300, 500} {
		t.Run(fmt.Sprint("an answer with status ", status), func(t *testing.T) {
			t.Parallel()
			both(t, func(t *trial) {
				server := NewServer(t)
				server.Script(func(_ int, r *Request) Reply {
					frames, contentType := r.encode(&Reply{Text: "Hello."})
					return Reply{Status: status, Body: strings.Join(frames, ""), ContentType: contentType}
				})
				resp, err := t.ask(t.Context(), s.adapter(t, server), hello())
				assert.Equal(t, llm.KindUnavailable, failure(t, resp, err).Kind)
			})
		})
	}
	t.Run("an answer without a reason for its end", func(t *testing.T) {
		t.Parallel()
		body := map[Format]string{
			OpenAI: `{"choices":[{"index":0,"message":{"content":"One"},"finish_reason":null}]}`,
			Claude: `{"type":"message","content":[{"type":"text","text":"One"}],"stop_reason":null}`,
			Ollama: `{"message":{"content":"One"},"done":false}`,
		}
		body[Azure] = body[OpenAI]
		resp, err := s.adapter(t, NewServer(t, Reply{Body: body[s.Format]})).Generate(t.Context(), hello())
		assert.Equal(t, llm.KindTruncated, failure(t, resp, err).Kind)
	})
	t.Run("an answer with another content type", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *trial) {
			a := s.adapter(t, NewServer(t, Reply{Text: "One two three.", ContentType: "text/plain"}))
			resp, err := t.ask(t.Context(), a, hello())
			if err != nil { // both are right, but not a part of the answer
				_ = failure(t, resp, err)
				return
			}
			assert.Equal(t, "One two three.", resp.Text)
		})
	})
}

// testFrames has what may come in the middle of a stream instead of the rest.
func (s *Suite) testFrames(t *testing.T) {
	const overloaded = `{"type":"overloaded_error","message":"` + planted + `","code":"server_is_overloaded"}`
	tests := map[Format]map[string]struct {
		frame string
		want  llm.Kind
	}{
		OpenAI: {
			"as go-openai knows it": {"data: {\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"with blanks":           {"data: { \"error\" : " + overloaded + " }\n\n", llm.KindOverloaded},
			"without a blank":       {"data:{\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"type first":            {"data: {\"type\":\"error\",\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"as an event":           {"event: error\ndata: {\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"before the end":        {"data: {\"error\":" + overloaded + "}\n\ndata: [DONE]\n\n", llm.KindOverloaded},
			"with choices": {"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]," +
				"\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"as a text":             {"data: {\"error\":\"" + planted + "\"}\n\ndata: [DONE]\n\n", llm.KindUnavailable},
			"with a status":         {"data: {\"error\":{\"code\":429,\"message\":\"\"}}\n\n", llm.KindRateLimit},
			"without data":          {"{\"error\":" + overloaded + "}\n\n", ""},
			"no JSON":               {"data: {oops\n\n", llm.KindUnavailable},
			"a page":                {page, ""},
			"an end without reason": {"data: [DONE]\n\n", llm.KindTruncated},
			"nothing":               {"\n", llm.KindTruncated},
			"an event without data": {"event: error\n\n", ""},
			"only a usage": {
				"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n", llm.KindTruncated,
			},
			"a delta without choice": {"data: {\"choices\":null}\n\n", llm.KindTruncated},
		},
		Claude: {
			"an event":       {"event: error\ndata: {\"type\":\"error\",\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"without a type": {"event: error\ndata: {\"error\":" + overloaded + "}\n\n", llm.KindOverloaded},
			"not JSON":       {"event: error\ndata: " + planted + "\n\n", llm.KindUnavailable},
			"broken":         {"event: content_block_delta\ndata: {oops\n\n", llm.KindUnavailable},
			"a page":         {page, llm.KindTruncated},
			"nothing":        {"\n", llm.KindTruncated},
			"an end without reason": {
				"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n", llm.KindTruncated,
			},
			"a reason without end": {"event: message_delta\ndata: {\"type\":\"message_delta\"," +
				"\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n", llm.KindTruncated},
		},
		Ollama: {
			"a line":            {`{"error":"` + planted + `"}` + "\n", llm.KindUnavailable},
			"without a newline": {`{"error":"an error was encountered while running the model"}`, llm.KindUnavailable},
			"too long":          {`{"error":"the input length exceeds the context length"}` + "\n", llm.KindContextLength},
			"as an object":      {`{"error":{"message":"` + planted + `"}}` + "\n", llm.KindUnavailable},
			"with an end":       {`{"error":"x","done":true,"done_reason":"stop"}` + "\n", llm.KindUnavailable},
			"no JSON":           {"oops\n", llm.KindUnavailable},
			"a page":            {page, llm.KindUnavailable},
			"nothing":           {"\n", llm.KindTruncated},
			"only loaded":       {`{"message":{},"done":true,"done_reason":"load"}` + "\n", llm.KindUnavailable},
		},
	}
	tests[Azure] = tests[OpenAI]
	for name, tt := range tests[s.Format] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.adapter(t, NewServer(t, Reply{Text: "One two three.", Frame: tt.frame}))
			text := ""
			var err error
			for e, failed := range checked(t, a.Stream(t.Context(), hello())) {
				text += e.Text
				err = failed
			}
			e := failure(t, nil, err)
			if tt.want != "" {
				assert.Equal(t, tt.want, e.Kind)
			}
			assert.Equal(t, "One ", text, "what came before")
			assert.Equal(t, http.StatusOK, e.Status)
		})
	}
}

// testCuts ends a response after each of its bytes as if it were complete, and after many of them by a
// broken connection.
func (s *Suite) testCuts(t *testing.T) {
	reply := Reply{Text: "One two three.", Usage: DefaultUsage, ToolCalls: []llm.ToolCall{
		{ID: "call_1", Name: "now", Arguments: json.RawMessage(`{"in":"Bonn"}`)},
	}}
	for fault, step := range map[Fault]int{FaultEnd: 1, FaultCut: 11} {
		t.Run(map[Fault]string{FaultEnd: "end", FaultCut: "broken"}[fault], func(t *testing.T) {
			t.Parallel()
			both(t, func(t *trial) {
				server := NewServer(t)
				length := 0
				server.Script(func(n int, r *Request) Reply {
					reply := reply
					if n == 0 {
						frames, _ := r.encode(&reply)
						length = len(strings.Join(frames, ""))
						return reply
					}
					reply.Fault, reply.After = fault, (n-1)*step
					return reply
				})
				a := s.adapter(t, server)
				_, err := t.ask(t.Context(), a, hello())
				require.NoError(t, err)
				for n := 0; n < length; n += step {
					resp, err := t.ask(t.Context(), a, hello())
					if err == nil {
						// The rest says nothing that the caller needs.
						assert.Equal(t, reply.Text, resp.Text, "cut after %d of %d bytes", n, length)
						require.Len(t, resp.ToolCalls, 1)
						assert.JSONEq(t, `{"in":"Bonn"}`, string(resp.ToolCalls[0].Arguments))
						continue
					}
					e := failure(t, resp, err)
					if n > 0 || e.Kind != llm.KindUnavailable { // An empty body may be either.
						require.Equal(t, llm.KindTruncated, e.Kind, "cut after %d of %d bytes: %v", n, length, e.Cause)
					}
				}
			})
		})
	}
}

func (s *Suite) testStalls(t *testing.T) {
	idle := fmt.Errorf("idle: %w", context.DeadlineExceeded)
	causes := map[string]struct {
		cause error
		want  llm.Kind
		is    error
	}{
		"canceled":  {context.Canceled, llm.KindCanceled, context.Canceled},
		"timed out": {idle, llm.KindTimeout, context.DeadlineExceeded},
	}
	faults := map[string]Reply{
		"before the headers": {Fault: FaultSilent},
		"after the headers":  {Text: "One two three.", Fault: FaultStall},
		"in the body":        {Text: "One two three.", Fault: FaultStall, After: 40},
	}
	for where, reply := range faults {
		for how, tt := range causes {
			t.Run(how+" "+where, func(t *testing.T) {
				t.Parallel()
				both(t, func(t *trial) {
					server := NewServer(t)
					ctx, cancel := context.WithCancelCause(t.Context())
					server.Script(func(int, *Request) Reply {
						time.AfterFunc(30*time.Millisecond, func() { cancel(tt.cause) })
						return reply
					})
					resp, err := t.ask(ctx, s.adapter(t, server), hello())
					e := failure(t, resp, err)
					assert.Equal(t, tt.want, e.Kind)
					assert.ErrorIs(t, err, tt.is)
					server.AwaitGone(t)
				})
			})
		}
	}
	t.Run("canceled before", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *trial) {
			server := NewServer(t, Reply{Text: "Hello."})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			resp, err := t.ask(ctx, s.adapter(t, server), hello())
			assert.Equal(t, llm.KindCanceled, failure(t, resp, err).Kind)
			assert.Empty(t, server.Requests())
		})
	})
}

// testBreak leaves the loop over a stream. The server, which has more to say, sees the client leave.
func (s *Suite) testBreak(t *testing.T) {
	tests := map[string]Reply{
		"at the first text":     {Text: "One two three.", Drip: 10 * time.Millisecond},
		"while nothing follows": {Text: "One two three.", Frame: "\n", Fault: FaultStall, After: 1 << 20},
	}
	for name, reply := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reply.Drip > 0 {
				reply.Text = strings.Repeat(reply.Text+" ", 1000)
			}
			server := NewServer(t, reply)
			text := ""
			for e, err := range s.adapter(t, server).Stream(t.Context(), hello()) {
				require.NoError(t, err)
				if text += e.Text; text != "" {
					break
				}
			}
			assert.Equal(t, "One ", text)
			server.AwaitGone(t)
		})
	}
	t.Run("at a tool call", func(t *testing.T) {
		t.Parallel()
		server := NewServer(t, Reply{ToolCalls: []llm.ToolCall{
			{ID: "call_1", Name: "now", Arguments: json.RawMessage(`{}`)},
			{ID: "call_2", Name: "now", Arguments: json.RawMessage(`{}`)},
		}})
		calls := 0
		for e, err := range s.adapter(t, server).Stream(t.Context(), hello()) {
			require.NoError(t, err)
			if e.ToolCall != nil {
				calls++
				break
			}
		}
		assert.Equal(t, 1, calls)
	})
}

func (s *Suite) testHuge(t *testing.T) {
	const size = 33 << 20 // slow to decode with the race detector, so there is one answer only
	for name, reply := range map[string]Reply{
		"answer": {Text: strings.Repeat("x", size)},
		"error":  {Status: 500, Body: strings.Repeat("x", size)},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := s.adapter(t, NewServer(t, reply)).Generate(t.Context(), hello())
			assert.Equal(t, llm.KindUnavailable, failure(t, resp, err).Kind)
		})
	}
}
