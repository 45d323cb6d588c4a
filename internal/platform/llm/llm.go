package llm

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"
)

// Provider generates answers. [Chain], [Budget] and the adapters are Providers.
//
// Both methods return errors of type [*Error], or errors that wrap one. They keep nothing of the
// Request and may be called concurrently.
type Provider interface {
	// Generate returns the whole answer.
	Generate(ctx context.Context, r *Request) (*Response, error)

	// Stream returns the answer while it is generated. The last event of a complete answer has a
	// Result; an error is the last pair and has no event. The iterator can be used once. A loop that
	// breaks ends the request.
	Stream(ctx context.Context, r *Request) iter.Seq2[Event, error]
}

// Adapter is the Provider of one model.
type Adapter interface {
	Provider

	// Info describes the model. It does not change.
	Info() Info
}

// Embedder is implemented by adapters that compute embeddings.
type Embedder interface {
	// Embed returns a vector for each text, in their order. Model is that of the provider for
	// embeddings, which differs from that for answers.
	Embed(ctx context.Context, model string, texts []string) ([][]float32, Usage, error)
}

// Info describes the model of an adapter.
type Info struct {
	Provider string // name in events and results: claude, openai, azure_openai, ollama
	Model    string
	Features Features
}

// Features are abilities that a model may lack.
type Features uint8

// The features.
const (
	FeatureTools Features = 1 << iota
	FeatureSchema
	FeatureImages
	FeatureTemperature // reasoning models have their own
)

// Request asks for an answer to a conversation.
type Request struct {
	System      string // instructions, separate from what users write
	Messages    []Message
	Tools       []Tool
	Schema      *Schema  // the answer is JSON of this schema
	MaxTokens   int      // bound of the answer; zero for the default of the provider
	Temperature *float64 // nil for the default of the model
}

// Role is the author of a message.
type Role string

// The roles.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool" // the result of a ToolCall
)

// Message is a message of a conversation.
type Message struct {
	Role       Role
	Text       string
	Images     []Image    // of a user
	ToolCalls  []ToolCall // of the assistant
	ToolCallID string     // of a tool: the call that Text answers
}

// Image is a picture in a message.
type Image struct {
	MediaType string // image/png, image/jpeg, image/gif or image/webp
	Data      []byte
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema of the arguments, an object
}

// ToolCall is a call that the model wants to be made.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage // JSON as the model wrote it: check it
}

// Schema asks for JSON.
type Schema struct {
	Name   string
	Schema json.RawMessage // JSON Schema, an object
}

// Features returns what a model needs for the request.
func (r *Request) Features() Features {
	var f Features
	if len(r.Tools) > 0 {
		f |= FeatureTools
	}
	if r.Schema != nil {
		f |= FeatureSchema
	}
	if r.Temperature != nil {
		f |= FeatureTemperature
	}
	for _, m := range r.Messages {
		if len(m.Images) > 0 {
			f |= FeatureImages
		}
	}
	return f
}

// Response is a complete answer.
type Response struct {
	Text      string
	ToolCalls []ToolCall
	Result
}

// Event is a part of a streamed answer: one of its fields is set.
type Event struct {
	Text     string    // to be appended to the answer
	ToolCall *ToolCall // complete
	Result   *Result   // in the last event
}

// Result describes a complete answer.
type Result struct {
	Provider  string
	Model     string
	Finish    Finish
	Usage     Usage
	RequestID string // of the provider, for its support

	// Set by a Chain: what the attempts cost together, the failed ones included, and the attempts
	// before the one that succeeded.
	Cost     Cost
	Attempts []Attempt
}

// Finish is the reason why an answer is complete.
type Finish string

// The reasons. A content filter is an error instead.
const (
	FinishStop      Finish = "stop"
	FinishLength    Finish = "length" // MaxTokens or the window of the model is used up
	FinishToolCalls Finish = "tool_calls"
)

// Usage counts tokens. Input includes what was read from or written to the provider's cache.
type Usage struct {
	Input      int
	Output     int
	CacheRead  int
	CacheWrite int
	Estimated  bool // the provider did not count them
}

// Attempt is one request of a Chain to a provider, or the reason for none.
type Attempt struct {
	Provider     string
	Model        string
	Position     int // of the model in the chain; zero for the preferred one
	Streamed     bool
	PromptLength int  // bytes of the texts of the request
	Kind         Kind // empty if it succeeded
	Status       int  // of HTTP; zero without a response
	Duration     time.Duration
	FirstEvent   time.Duration // until the first content of a stream; zero if there was none
	Finish       Finish        // empty for a failure
	RequestID    string
	Usage        Usage
	Cost         Cost
	CostKnown    bool // the model has a price

	BreakerOpened time.Duration // for so long; zero if it did not
	BreakerClosed bool
}

// MarshalJSON writes the members that clients see.
func (a Attempt) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Provider   string  `json:"provider"`
		Model      string  `json:"model"`
		Kind       Kind    `json:"kind"`
		Status     int     `json:"status"`
		DurationMS float64 `json:"duration_ms"`
	}{a.Provider, a.Model, a.Kind, a.Status, float64(a.Duration.Microseconds()) / 1e3})
}

// Cost is an amount of money in millionths of a US dollar.
type Cost int64

// USD returns the cost in dollars.
func (c Cost) USD() float64 { return float64(c) / 1e6 }

// Collect reads a stream to its end.
func Collect(events iter.Seq2[Event, error]) (*Response, error) {
	var s struct { // one allocation; a range loop makes one of each variable
		Response
		text strings.Builder
		over bool
		err  error
	}
	events(func(e Event, err error) bool {
		s.text.WriteString(e.Text)
		if e.ToolCall != nil {
			s.ToolCalls = append(s.ToolCalls, *e.ToolCall)
		}
		if e.Result != nil {
			s.Text, s.Result = s.text.String(), *e.Result
		}
		s.over, s.err = e.Result != nil, err
		return !s.over && err == nil
	})
	switch {
	case s.err != nil:
		return nil, s.err
	case !s.over:
		return nil, &Error{Kind: KindTruncated}
	}
	return &s.Response, nil
}
