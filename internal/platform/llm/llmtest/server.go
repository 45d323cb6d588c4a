// Package llmtest has a server that speaks the wire formats of the providers, with every fault, and
// a suite of tests that each adapter passes.
package llmtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// Format is the wire format of a provider.
type Format string

// The formats. The path of a request tells them apart.
const (
	OpenAI Format = "openai" // …/chat/completions, …/embeddings
	Azure  Format = "azure"  // the same below /openai/
	Claude Format = "claude" // …/v1/messages
	Ollama Format = "ollama" // /api/chat, /api/embed
)

// Reply is what the server does with a request. The zero Reply is an empty answer.
type Reply struct {
	Text      string // streamed word by word
	ToolCalls []llm.ToolCall
	Finish    string    // in words of the provider; empty for the end of an answer or of tool calls
	Usage     llm.Usage // DefaultUsage if zero
	NoUsage   bool
	Header    map[string]string

	Status  int    // other than 200: an error, in the form of the provider
	Code    string // of an error: the provider's code and type, joined by a blank
	Message string // of an error

	Body        string // replaces whatever would be sent
	ContentType string // replaces that of the format

	Frame string        // in a stream: replaces what follows the first word, as it is
	Drip  time.Duration // in a stream: before each event
	Fault Fault
	After int // bytes of the body before Fault
}

// Fault is a failure of a server or a network.
type Fault int

// The faults.
const (
	FaultEnd    Fault = iota + 1 // the response ends as if it were complete
	FaultCut                     // the connection breaks
	FaultStall                   // nothing more comes
	FaultSilent                  // nothing comes, not even headers
)

// DefaultUsage is what an answer says that it used.
var DefaultUsage = llm.Usage{Input: 11, Output: 7}

// Request is a request as the server understood it.
type Request struct {
	Format Format
	Path   string // with the query
	Header http.Header
	Body   []byte
	Model  string
	Stream bool
	llm.Request
	Texts []string // to embed
}

// Server is a provider. Its methods may be called concurrently.
type Server struct {
	URL string // without a path

	t    testing.TB
	stop chan struct{}
	gone chan struct{}

	mu       sync.Mutex
	script   func(n int, r *Request) Reply
	requests []*Request
}

// NewServer starts a server that ends with the test. It gives the replies in their order, the last
// one forever.
func NewServer(t testing.TB, replies ...Reply) *Server {
	t.Helper()
	s := &Server{t: t, stop: make(chan struct{}), gone: make(chan struct{}, 1000)}
	s.Script(func(n int, _ *Request) Reply {
		if len(replies) == 0 {
			return Reply{}
		}
		return replies[min(n, len(replies)-1)]
	})
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		close(s.stop)
		server.Close()
	})
	return s
}

// Script makes the server ask a function for the reply to the n-th request, from zero. The calls are
// concurrent if the requests are.
func (s *Server) Script(script func(n int, r *Request) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Requests returns the requests so far.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// AwaitGone waits until a client has left before it had the whole reply.
func (s *Server) AwaitGone(t testing.TB) {
	t.Helper()
	select {
	case <-s.gone:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "no client left: the response body is not closed")
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := parse(r)
	if err != nil {
		s.t.Errorf("llmtest: %s %s: %v", r.Method, r.URL.Path, err)
		http.Error(w, "bad request", http.StatusTeapot)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	n, script := len(s.requests)-1, s.script
	s.mu.Unlock()
	reply := script(n, request)
	if reply.Usage == (llm.Usage{}) && !reply.NoUsage {
		reply.Usage = DefaultUsage
	}
	e := exchange{s: s, ctx: r.Context(), w: w, reply: &reply}
	defer func() {
		if e.ctx.Err() != nil {
			s.gone <- struct{}{}
		}
	}()
	if reply.Fault == FaultSilent {
		e.stall()
		return
	}
	frames, contentType := request.encode(&reply)
	if reply.ContentType != "" {
		contentType = reply.ContentType
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	if name := idHeaders[request.Format]; name != "" {
		header.Set(name, "req_"+strconv.Itoa(n))
	}
	for name, value := range reply.Header {
		header.Set(name, value)
	}
	w.WriteHeader(max(reply.Status, http.StatusOK))
	e.send(frames)
}

// idHeaders name the headers with the id of a request. Ollama has none.
var idHeaders = map[Format]string{OpenAI: "X-Request-Id", Azure: "Apim-Request-Id", Claude: "Request-Id"}

// exchange is a reply under way.
type exchange struct {
	s     *Server
	ctx   context.Context
	w     http.ResponseWriter
	reply *Reply
}

func (e *exchange) send(frames []string) {
	left := e.reply.After
	for _, frame := range frames {
		if e.reply.Drip > 0 && !e.pause(e.reply.Drip) {
			return
		}
		if e.reply.Fault != 0 {
			frame = frame[:min(len(frame), left)]
			left -= len(frame)
		}
		if _, err := io.WriteString(e.w, frame); err != nil { //nolint:gosec // a test sends what it wants
			return
		}
		if http.NewResponseController(e.w).Flush() != nil {
			return
		}
		if e.reply.Fault != 0 && left == 0 {
			break
		}
	}
	switch e.reply.Fault {
	case FaultCut:
		panic(http.ErrAbortHandler)
	case FaultStall:
		e.stall()
	case FaultEnd, FaultSilent:
	}
}

func (e *exchange) stall() {
	select {
	case <-e.ctx.Done():
	case <-e.s.stop:
	}
}

func (e *exchange) pause(d time.Duration) bool {
	select {
	case <-e.ctx.Done():
	case <-e.s.stop:
	case <-time.After(d):
		return true
	}
	return false
}

// codec has what is sent in a wire format.
type codec struct {
	answer func(r *Request, reply *Reply) string   // the whole; nil if adapters do not ask for it
	stream func(r *Request, reply *Reply) []string // see words
	fail   func(code, kind, message string) any    // the body of an error
	embed  func(r *Request, usage llm.Usage) any   // the vectors of r.Texts
}

var codecs = map[Format]codec{OpenAI: openAICodec, Azure: openAICodec, Claude: claudeCodec, Ollama: ollamaCodec}

func parse(r *http.Request) (*Request, error) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil, fmt.Errorf("%s with content type %q", r.Method, r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	request := &Request{Path: r.URL.RequestURI(), Header: r.Header, Body: body}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/v1/messages") && r.Header.Get("Anthropic-Version") != "":
		request.Format = Claude
	case path == "/api/chat", path == "/api/embed":
		request.Format = Ollama
	case strings.HasPrefix(path, "/openai/"):
		request.Format = Azure
	case strings.HasSuffix(path, "/chat/completions"), strings.HasSuffix(path, "/embeddings"):
		request.Format = OpenAI
	default:
		return nil, fmt.Errorf("no provider has this path, or header anthropic-version")
	}
	return request, decode(request)
}

// encode returns the parts of the body of a reply, and its content type.
func (r *Request) encode(reply *Reply) (frames []string, contentType string) {
	c := codecs[r.Format]
	stream := "text/event-stream"
	if r.Format == Ollama {
		stream = "application/x-ndjson"
	}
	switch {
	case reply.Status > 299 || reply.Body != "":
		contentType = "application/json"
		if reply.Body != "" {
			if r.Stream && reply.Status == 0 {
				contentType = stream
			}
			return []string{reply.Body}, contentType
		}
		code, kind, _ := strings.Cut(reply.Code, " ")
		return []string{text(c.fail(code, kind, reply.Message))}, contentType
	case r.Texts != nil:
		return []string{text(c.embed(r, reply.Usage))}, "application/json"
	case !r.Stream && c.answer != nil:
		return []string{c.answer(r, reply)}, "application/json"
	}
	return c.stream(r, reply), stream
}

// finish returns the reason for the end of a reply: one of two words, if it does not say.
func (reply *Reply) finish(stop, calls string) string {
	if len(reply.ToolCalls) > 0 {
		stop = calls
	}
	return cmp.Or(reply.Finish, stop)
}

// words splits the text of a reply into what is streamed at once.
func (reply *Reply) words() []string { return strings.SplitAfter(reply.Text, " ") }

// Vector returns the embedding of a text.
func Vector(s string) []float32 {
	sum := 0
	for _, b := range []byte(s) {
		sum += int(b)
	}
	return []float32{float32(len(s)), float32(sum), 0.5}
}

// object is a JSON object.
type object = map[string]any

// text returns v as JSON.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a script with invalid JSON
	}
	return string(data)
}

// halves splits the arguments of a tool call, as streams do.
func halves(s json.RawMessage) [2]string {
	return [2]string{string(s[:len(s)/2]), string(s[len(s)/2:])}
}
