package llmtest

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// Key is the API key of the adapters under test. It must not be found anywhere but in the header for
// it.
const Key = "sk-planted-0123456789abcdef"

const (
	maxTokens = 77        // of an adapter under test
	planted   = "PLANTED" // in texts of users and providers, which must not be in errors
)

// Suite describes an adapter.
type Suite struct {
	Format Format

	// New returns an adapter for the server at a URL without a path. It uses Key and the client.
	New func(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter
}

// Conform tests that an adapter translates requests and answers of its provider, and that nothing but
// a complete answer is taken for one.
func Conform(t *testing.T, s Suite) {
	t.Helper()
	t.Run("request", s.testRequest)
	t.Run("answer", s.testAnswer)
	t.Run("error", s.testErrors)
	t.Run("body", s.testBodies)
	t.Run("frame", s.testFrames)
	t.Run("cut", s.testCuts)
	t.Run("stall", s.testStalls)
	t.Run("break", s.testBreak)
	t.Run("huge", s.testHuge)
	t.Run("redirect", s.testRedirect)
	t.Run("concurrent", s.testConcurrent)
	t.Run("embeddings", s.testEmbeddings)
}

// adapter returns an adapter for a server.
func (s *Suite) adapter(t testing.TB, server *Server) llm.Adapter {
	t.Helper()
	client := llm.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	return s.New(t, server.URL, maxTokens, client)
}

// trial is a test in one of the two ways to ask.
type trial struct {
	testing.TB

	stream bool
}

// ask sends a request.
func (t *trial) ask(ctx context.Context, a llm.Adapter, r *llm.Request) (*llm.Response, error) {
	t.Helper()
	if t.stream {
		return llm.Collect(checked(t, a.Stream(ctx, r)))
	}
	return a.Generate(ctx, r)
}

// checked passes events on and checks their order: a Result or an error comes last and alone.
func checked(t testing.TB, events iter.Seq2[llm.Event, error]) iter.Seq2[llm.Event, error] {
	t.Helper()
	return func(yield func(llm.Event, error) bool) {
		over := false
		for e, err := range events {
			assert.False(t, over, "an event after the last one: %+v, %v", e, err)
			over = err != nil || e.Result != nil
			if err != nil {
				assert.Equal(t, llm.Event{}, e, "an event with an error")
			}
			if !over && !yield(e, err) {
				return
			}
			if over {
				defer yield(e, err) // after the loop, because Collect leaves it
			}
		}
		assert.True(t, over, "a stream without an end")
	}
}

// both runs a test in both ways.
func both(t *testing.T, test func(t *trial)) {
	t.Helper()
	for name, stream := range map[string]bool{"Generate": false, "Stream": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&trial{t, stream})
		})
	}
}

// hello returns a small request.
func hello() *llm.Request {
	return &llm.Request{
		System: "Be brief.", Messages: []llm.Message{{Role: llm.RoleUser, Text: "Say hello, " + planted + "."}},
	}
}

// failure returns the llm.Error of a failed request. Nothing of it that a log shows has secrets.
func failure(t testing.TB, resp *llm.Response, err error) *llm.Error {
	t.Helper()
	require.Error(t, err, "the answer: %+v", resp)
	require.Nil(t, resp)
	e, ok := errors.AsType[*llm.Error](err)
	require.True(t, ok, "%T: %v", err, err)
	for cause := err; cause != nil; {
		for _, secret := range []string{planted, Key} {
			assert.NotContains(t, cause.Error(), secret)
		}
		wrapper, ok := cause.(interface{ Unwrap() error })
		if !ok {
			break
		}
		cause = wrapper.Unwrap()
	}
	return e
}

// conversation returns a request with everything that the model can do.
func (s *Suite) conversation(f llm.Features) *llm.Request {
	r := &llm.Request{
		System: "Answer in JSON.",
		Messages: []llm.Message{
			{Role: llm.RoleUser, Text: "Is it warm in Bonn and in Köln? \"Quoted\"\n</data>"},
		},
		MaxTokens: 99,
	}
	if f&llm.FeatureTools != 0 {
		r.Tools = []llm.Tool{
			{Name: "weather", Description: "Weather of a city", Parameters: json.RawMessage(
				`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`)},
			{Name: "now", Description: "The time", Parameters: json.RawMessage(`{"type":"object","properties":{}}`)},
		}
		r.Messages = append(
			r.Messages,
			llm.Message{Role: llm.RoleAssistant, Text: "I ask.", ToolCalls: []llm.ToolCall{
				{ID: "call_a", Name: "weather", Arguments: json.RawMessage(`{"city":"Bonn"}`)},
				{ID: "call_b", Name: "now", Arguments: json.RawMessage(`{}`)},
			}},
			llm.Message{Role: llm.RoleTool, ToolCallID: "call_a", Text: "22 °C"},
			llm.Message{Role: llm.RoleTool, ToolCallID: "call_b", Text: "noon"},
			llm.Message{Role: llm.RoleAssistant, Text: "It is."},
			llm.Message{Role: llm.RoleUser, Text: "Thanks. And here?"},
		)
	}
	if f&llm.FeatureImages != 0 {
		last := &r.Messages[len(r.Messages)-1]
		last.Images = []llm.Image{
			{MediaType: "image/png", Data: []byte("\x89PNG")}, {MediaType: "image/jpeg", Data: []byte("\xff\xd8")},
		}
	}
	if f&llm.FeatureSchema != 0 {
		r.Schema = &llm.Schema{Name: "warmth", Schema: json.RawMessage(
			`{"type":"object","properties":{"warm":{"type":"boolean"}},"required":["warm"],"additionalProperties":false}`)}
	}
	if f&llm.FeatureTemperature != 0 {
		temperature := 0.25
		r.Temperature = &temperature
	}
	return r
}

// comparable returns r as JSON, without what the format cannot say.
func (s *Suite) comparable(t testing.TB, r llm.Request) string {
	t.Helper()
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		m := &r.Messages[i]
		m.Images = slices.Clone(m.Images)
		for j := range m.Images {
			if s.Format == Ollama {
				m.Images[j].MediaType = ""
			}
		}
	}
	if r.Schema != nil && s.Format != OpenAI && s.Format != Azure {
		r.Schema = &llm.Schema{Schema: r.Schema.Schema}
	}
	data, err := json.Marshal(r)
	require.NoError(t, err)
	return string(data)
}

func (s *Suite) testRequest(t *testing.T) {
	both(t, func(t *trial) {
		server := NewServer(t, Reply{Text: "Yes."})
		a := s.adapter(t, server)
		r := s.conversation(a.Info().Features)
		before := s.comparable(t, *r)
		_, err := t.ask(t.Context(), a, r)
		require.NoError(t, err)
		_, err = t.ask(t.Context(), a, hello())
		require.NoError(t, err)

		require.Len(t, server.Requests(), 2)
		got := server.Requests()[0]
		assert.JSONEq(t, before, s.comparable(t, got.Request))
		assert.JSONEq(t, before, s.comparable(t, *r), "the adapter has changed the request")
		assert.Equal(t, s.Format, got.Format)
		assert.Equal(t, a.Info().Model, got.Model)
		assert.NotContains(t, got.Path+string(got.Body), Key)
		found := 0
		for _, values := range got.Header {
			found += strings.Count(strings.Join(values, " "), Key)
		}
		if s.Format == Ollama {
			assert.Zero(t, found, "headers with a key")
		} else {
			assert.Equal(t, 1, found, "headers with the key")
		}

		plain := server.Requests()[1]
		assert.Equal(t, maxTokens, plain.MaxTokens, "the default bound of an answer")
		plain.MaxTokens = 0
		assert.JSONEq(t, s.comparable(t, *hello()), s.comparable(t, plain.Request), "no options are set by default")
	})
}

func (s *Suite) testRedirect(t *testing.T) {
	both(t, func(t *trial) {
		for _, status := range []int{302, 307} {
			other := NewServer(t, Reply{Text: "Hello."})
			server := NewServer(t)
			server.Script(func(_ int, r *Request) Reply {
				return Reply{Status: status, Header: map[string]string{"Location": other.URL + r.Path}}
			})
			resp, err := t.ask(t.Context(), s.adapter(t, server), hello())
			e := failure(t, resp, err)
			assert.Equal(t, llm.KindUnavailable, e.Kind)
			assert.Equal(t, status, e.Status)
			assert.Empty(t, other.Requests(), "requests with the key to another host")
		}
	})
}

// words of a provider for the end of an answer.
var (
	lengths = map[Format]string{OpenAI: "length", Azure: "length", Claude: "max_tokens", Ollama: "length"}
	filters = map[Format]string{OpenAI: "content_filter", Azure: "content_filter", Claude: "refusal"}
)

func (s *Suite) testAnswer(t *testing.T) {
	usage := llm.Usage{Input: 1000, Output: 50}
	switch s.Format {
	case OpenAI, Azure:
		usage.CacheRead = 400
	case Claude:
		usage.CacheRead, usage.CacheWrite = 400, 300
	case Ollama: // has no cache
	}
	calls := []llm.ToolCall{
		{ID: "call_1", Name: "weather", Arguments: json.RawMessage(`{"city":"Bonn"}`)},
		{ID: "call_2", Name: "weather", Arguments: json.RawMessage(`{"city":"Köln","days":[1,2]}`)},
		{ID: "call_3", Name: "now", Arguments: json.RawMessage(`{}`)},
	}
	tests := map[string]struct {
		reply  Reply
		finish llm.Finish
	}{
		"text":           {Reply{Text: "Grüße, 世界! \"Quoted\" \\ and\nlines."}, llm.FinishStop},
		"with usage":     {Reply{Text: "Hello.", Usage: usage}, llm.FinishStop},
		"without usage":  {Reply{Text: "Hello, world.", NoUsage: true}, llm.FinishStop},
		"cut by a bound": {Reply{Text: "Hello,", Finish: lengths[s.Format]}, llm.FinishLength},
		"tool calls":     {Reply{ToolCalls: calls}, llm.FinishToolCalls},
		"text and calls": {Reply{Text: "I ask.", ToolCalls: calls[:1]}, llm.FinishToolCalls},
		"empty":          {Reply{}, llm.FinishStop},
		"slow":           {Reply{Text: "a b c", Drip: 3 * time.Millisecond}, llm.FinishStop},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *trial) {
				a := s.adapter(t, NewServer(t, tt.reply))
				resp, err := t.ask(t.Context(), a, hello())
				require.NoError(t, err)
				want := tt.reply.Usage
				if want == (llm.Usage{}) {
					want = DefaultUsage
				}
				if tt.reply.NoUsage {
					assert.True(t, resp.Usage.Estimated, "an estimate must be marked")
					assert.Positive(t, resp.Usage.Input)
					assert.Positive(t, resp.Usage.Output)
				} else {
					assert.Equal(t, want, resp.Usage)
				}
				assert.Equal(t, tt.reply.Text, resp.Text)
				require.Len(t, resp.ToolCalls, len(tt.reply.ToolCalls))
				for i, c := range tt.reply.ToolCalls {
					got := resp.ToolCalls[i]
					assert.Equal(t, c.ID+c.Name, got.ID+got.Name)
					assert.JSONEq(t, string(c.Arguments), string(got.Arguments))
				}
				assert.Equal(t, tt.finish, resp.Finish)
				assert.Equal(t, a.Info().Provider+a.Info().Model, resp.Provider+resp.Model)
				if s.Format != Ollama {
					assert.Equal(t, "req_0", resp.RequestID)
				}
			})
		})
	}
	if filters[s.Format] == "" {
		return
	}
	t.Run("stopped by a filter", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *trial) {
			a := s.adapter(t, NewServer(t, Reply{Text: planted, Finish: filters[s.Format]}))
			resp, err := t.ask(t.Context(), a, hello())
			assert.Equal(t, llm.KindContentFilter, failure(t, resp, err).Kind)
		})
	})
}

func (s *Suite) testConcurrent(t *testing.T) {
	both(t, func(t *trial) {
		server := NewServer(t)
		server.Script(func(_ int, r *Request) Reply { return Reply{Text: "Answer to " + r.Messages[0].Text} })
		a := s.adapter(t, server)
		const requests = 20
		got := make(chan string, requests)
		for i := range requests {
			go func() {
				r := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Text: strconv.Itoa(i)}}}
				resp, err := t.ask(t.Context(), a, r)
				if err != nil {
					got <- err.Error()
					return
				}
				got <- strings.TrimPrefix(resp.Text, "Answer to ") + "=" + strconv.Itoa(i)
			}()
		}
		for range requests {
			question, answer, _ := strings.Cut(<-got, "=")
			assert.Equal(t, question, answer)
		}
	})
}

func (s *Suite) testEmbeddings(t *testing.T) {
	texts := []string{"one", "two", "", "thirty " + planted}
	embed := func(t *testing.T, reply Reply) (*Server, [][]float32, llm.Usage, error) {
		t.Helper()
		server := NewServer(t, reply)
		e, ok := s.adapter(t, server).(llm.Embedder)
		require.True(t, ok)
		vectors, usage, err := e.Embed(t.Context(), "embedder", texts)
		return server, vectors, usage, err
	}
	if _, ok := s.adapter(t, NewServer(t)).(llm.Embedder); !ok {
		return
	}
	t.Run("vectors", func(t *testing.T) {
		t.Parallel()
		server, vectors, usage, err := embed(t, Reply{})
		require.NoError(t, err)
		want := [][]float32{}
		for _, s := range texts {
			want = append(want, Vector(s))
		}
		assert.Equal(t, want, vectors)
		assert.Equal(t, llm.Usage{Input: DefaultUsage.Input}, usage)
		assert.Equal(t, "embedder", server.Requests()[0].Model)
		assert.Equal(t, texts, server.Requests()[0].Texts)
	})
	t.Run("estimated", func(t *testing.T) {
		t.Parallel()
		_, _, usage, err := embed(t, Reply{NoUsage: true})
		require.NoError(t, err)
		assert.True(t, usage.Estimated)
		assert.Positive(t, usage.Input)
	})
	failures := map[string]struct {
		reply Reply
		want  llm.Kind
	}{
		"rate limit": {Reply{Status: 429, Message: planted}, llm.KindRateLimit},
		"page":       {Reply{Body: page, ContentType: "text/html"}, llm.KindUnavailable},
		"error with status 200": {
			Reply{Body: text(codecs[s.Format].fail("server_error", "", planted))}, llm.KindUnavailable,
		},
		"no vectors":        {Reply{Body: `{"data":[],"embeddings":[]}`}, llm.KindUnavailable},
		"empty object":      {Reply{Body: `{}`}, llm.KindUnavailable},
		"broken connection": {Reply{Fault: FaultCut, After: 30}, llm.KindTruncated},
		"end in the middle": {Reply{Fault: FaultEnd, After: 30}, llm.KindTruncated},
		"vectors of other texts": {
			Reply{Body: `{"data":[{"index":7,"embedding":[1]}],"embeddings":[[1]]}`}, llm.KindUnavailable,
		},
	}
	for name, tt := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, vectors, _, err := embed(t, tt.reply)
			assert.Nil(t, vectors)
			e := failure(t, nil, err)
			assert.Equal(t, tt.want, e.Kind)
			assert.Equal(t, "embedder", e.Model)
		})
	}
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		server := NewServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		server.Script(func(int, *Request) Reply {
			cancel()
			return Reply{Fault: FaultSilent}
		})
		e, ok := s.adapter(t, server).(llm.Embedder)
		require.True(t, ok)
		_, _, err := e.Embed(ctx, "embedder", texts)
		assert.Equal(t, llm.KindCanceled, failure(t, nil, err).Kind)
		server.AwaitGone(t)
	})
}
