// Package claude has the [llm.Adapter] of Claude, over anthropic-sdk-go.
package claude

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/anthropics/anthropic-sdk-go/v2/packages/param"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// Config is the configuration of Claude.
type Config struct {
	APIKey  config.Secret `env:"ANTHROPIC_API_KEY" env-description:"API key of Claude"`
	BaseURL string        `env:"ANTHROPIC_BASE_URL" env-default:"https://api.anthropic.com" env-description:"base URL of the API of Claude, without /v1; plain http only in private networks"`
	Model   string        `env:"LLM_CLAUDE_MODEL" env-default:"claude-haiku-4-5" env-description:"model of Claude that answers"`
}

// Configured reports whether there is an API key.
func (c *Config) Configured() bool { return !c.APIKey.IsZero() }

// Validate reports a base URL that cannot be used.
func (c *Config) Validate(report func(variable, rule, message string)) {
	if problem := llm.CheckBaseURL(c.BaseURL); problem != "" {
		report("ANTHROPIC_BASE_URL", "url", problem)
	}
}

// Adapter is an [llm.Adapter].
type Adapter struct {
	messages  anthropic.MessageService
	info      llm.Info
	maxTokens int
	http      *http.Client
}

// New returns the Adapter of Claude. Answers have at most maxTokens tokens if a request does not say.
// The client is one of [llm.NewHTTPClient].
func New(cfg Config, maxTokens int, client *http.Client) (*Adapter, error) {
	if problem := llm.CheckBaseURL(cfg.BaseURL); problem != "" {
		return nil, fmt.Errorf("claude: the base URL %s", problem)
	}
	// Unlike NewClient, NewMessageService reads nothing from the environment.
	messages := anthropic.NewMessageService(
		option.WithBaseURL(cfg.BaseURL),
		// WithAPIKey would send it as a bearer token, which gateways may not know.
		option.WithHeader("X-Api-Key", cfg.APIKey.Reveal()),
		option.WithMaxRetries(0), // a Chain retries
		option.WithoutOpenTelemetry(),
	)
	// API version 2026-10-21, which the SDK asks for, refuses a temperature.
	features := llm.FeatureTools | llm.FeatureSchema | llm.FeatureImages
	return &Adapter{messages, llm.Info{Provider: "claude", Model: cfg.Model, Features: features}, maxTokens, client}, nil
}

// Info describes the model.
func (a *Adapter) Info() llm.Info { return a.info }

// Generate returns the whole answer. It is streamed, because a long one takes minutes, in which
// networks drop connections that are silent.
func (a *Adapter) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(a.Stream(ctx, r))
}

// Stream returns the answer while it is generated.
func (a *Adapter) Stream(ctx context.Context, r *llm.Request) iter.Seq2[llm.Event, error] {
	return llm.Answer(ctx, a.info, a.http, r, func(x *llm.Exchange) error {
		return a.messages.NewStreaming(ctx, a.request(r), option.WithHTTPClient(x)).Err()
	}, read)
}

// request translates a Request.
func (a *Adapter) request(r *llm.Request) anthropic.MessageNewParams {
	p := anthropic.MessageNewParams{
		Model: a.info.Model, MaxTokens: int64(cmp.Or(r.MaxTokens, a.maxTokens)), Messages: messages(r.Messages),
	}
	if r.System != "" {
		p.System = []anthropic.TextBlockParam{{Text: r.System}}
	}
	for _, t := range r.Tools {
		schema := t.Parameters
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object"}`)
		}
		tool := anthropic.ToolParam{Name: t.Name, InputSchema: param.Override[anthropic.ToolInputSchemaParam](schema)}
		if t.Description != "" {
			tool.Description = anthropic.String(t.Description)
		}
		p.Tools = append(p.Tools, anthropic.ToolUnionParam{OfTool: &tool})
	}
	if r.Schema != nil {
		p.OutputConfig.Format = param.Override[anthropic.JSONOutputFormatParam](map[string]any{
			"type": "json_schema", "schema": r.Schema.Schema,
		})
	}
	return p
}

// messages translates a conversation. Neighbors with the same role become one message, because the
// results of all tool calls belong into the message after them.
func messages(conversation []llm.Message) []anthropic.MessageParam {
	var out []anthropic.MessageParam
	var parts []anthropic.ContentBlockParamUnion // of the last message
	for i, m := range conversation {
		parts = append(parts, blocks(m)...)
		ofAssistant := m.Role == llm.RoleAssistant
		switch {
		case i+1 < len(conversation) && (conversation[i+1].Role == llm.RoleAssistant) == ofAssistant, len(parts) == 0:
			continue
		case ofAssistant:
			out = append(out, anthropic.NewAssistantMessage(parts...))
		default:
			out = append(out, anthropic.NewUserMessage(parts...))
		}
		parts = nil
	}
	return out
}

func blocks(m llm.Message) []anthropic.ContentBlockParamUnion {
	var out []anthropic.ContentBlockParamUnion
	if m.Role == llm.RoleTool {
		result := anthropic.ToolResultBlockParam{ToolUseID: m.ToolCallID}
		if m.Text != "" { // Claude refuses empty texts.
			result.Content = []anthropic.ToolResultBlockParamContentUnion{{OfText: &anthropic.TextBlockParam{Text: m.Text}}}
		}
		return append(out, anthropic.ContentBlockParamUnion{OfToolResult: &result})
	}
	for _, image := range m.Images {
		out = append(out, anthropic.NewImageBlockBase64(image.MediaType, base64.StdEncoding.EncodeToString(image.Data)))
	}
	if m.Text != "" {
		out = append(out, anthropic.NewTextBlock(m.Text))
	}
	for _, call := range m.ToolCalls {
		out = append(out, anthropic.NewToolUseBlock(call.ID, llm.Object(call.Arguments), call.Name))
	}
	return out
}

// event is an event of a stream, or an answer of a server that does not stream.
type event struct {
	llm.Part
	Type       string
	Message    struct{ Usage json.RawMessage } // of message_start
	Block      block                           `json:"content_block"`
	Delta      delta
	Usage      json.RawMessage // of message_delta
	Content    []block         // of an answer
	StopReason string          `json:"stop_reason"`
}

type block struct {
	Type, Text, ID, Name string
	Input                json.RawMessage
}

type delta struct {
	Text, Thinking string
	PartialJSON    string `json:"partial_json"`
	StopReason     string `json:"stop_reason"`
}

// usage counts tokens. Later counts of a stream replace earlier ones.
type usage struct {
	Input      int `json:"input_tokens"`
	Output     int `json:"output_tokens"`
	CacheRead  int `json:"cache_read_input_tokens"`
	CacheWrite int `json:"cache_creation_input_tokens"`
}

// read reads an answer, which is complete with message_stop.
func read(x *llm.Exchange) error {
	var u usage
	var reason string
	var e event
	for {
		e = event{}
		if err := x.Next(&e); err != nil {
			return err
		}
		for _, raw := range []json.RawMessage{e.Message.Usage, e.Usage} {
			if llm.HasValue(raw) {
				_ = json.Unmarshal(raw, &u) // a field of another type counts as missing
			}
		}
		x.Usage = llm.Usage{
			Input: u.Input + u.CacheRead + u.CacheWrite, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite,
		}
		switch e.Type {
		case "content_block_start":
			start(x, e.Block)
		case "content_block_delta":
			x.Text(e.Delta.Text)
			x.Work(e.Delta.Thinking)
			x.Work(e.Delta.PartialJSON)
			if last := len(x.Calls) - 1; last >= 0 {
				x.Calls[last].Arguments = append(x.Calls[last].Arguments, e.Delta.PartialJSON...)
			}
		case "message_delta":
			x.Counted, reason = llm.HasValue(e.Usage), e.Delta.StopReason
		case "message_stop":
			return stop(x, reason)
		case "message":
			for _, b := range e.Content {
				start(x, b)
			}
			x.Counted = llm.HasValue(e.Usage)
			return stop(x, e.StopReason)
		}
	}
}

// start adds a block, or the start of one.
func start(x *llm.Exchange, b block) {
	x.Text(b.Text)
	if b.Type != "tool_use" {
		return
	}
	call := llm.ToolCall{ID: b.ID, Name: b.Name}
	if string(b.Input) != "{}" { // which stands for what a stream will bring
		call.Arguments = b.Input
	}
	x.Calls = append(x.Calls, call)
}

// stop completes an answer that ended for a reason.
func stop(x *llm.Exchange, reason string) error {
	switch reason {
	case "end_turn", "stop_sequence", "tool_use":
		x.Finish = llm.FinishStop
		return nil
	case "max_tokens", "model_context_window_exceeded":
		x.Finish = llm.FinishLength
		return nil
	case "":
		return io.ErrUnexpectedEOF
	}
	e := x.Error(reason, "", nil)
	if reason == "refusal" {
		e.Kind = llm.KindContentFilter
	}
	return e
}
