// Package ollama is the [llm.Adapter] of Ollama. It uses Ollama's own API: the one compatible with
// OpenAI cuts long prompts without saying so.
package ollama

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

const (
	defaultPort  = "11434"
	defaultModel = "llama3.2"
)

// DefaultHost is the server if only a model is set.
const DefaultHost = "http://localhost:11434"

// Config is the configuration of Ollama.
type Config struct {
	Host  string `env:"OLLAMA_HOST" env-description:"Ollama server: host, host:port or a URL; http://localhost:11434 if only LLM_OLLAMA_MODEL is set"`
	Model string `env:"LLM_OLLAMA_MODEL" env-description:"model of Ollama that answers; llama3.2 if only OLLAMA_HOST is set"`
}

// Configured reports whether one of the variables was set.
func (c *Config) Configured() bool { return c.Model != "" || c.Host != "" }

// Validate reports a host that cannot be used.
func (c *Config) Validate(report func(variable, rule, message string)) {
	if _, ok := baseURL(c.Host); !ok {
		report("OLLAMA_HOST", "url", "must be a host, host:port or a URL such as http://ollama.internal:11434")
	}
}

// baseURL returns the URL of a host, [DefaultHost] for none. A URL without a port has that of its
// scheme, as for Ollama's own client.
func baseURL(host string) (string, bool) {
	host = cmp.Or(host, DefaultHost)
	bare := !strings.Contains(host, "://")
	if bare {
		host = "http://" + host
	}
	u, err := url.Parse(strings.TrimRight(host, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	if bare && u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	return u.String(), true
}

// Adapter is an [llm.Adapter] and an [llm.Embedder].
type Adapter struct {
	http      *http.Client
	url       string
	info      llm.Info
	maxTokens int
}

// New returns the Adapter of an Ollama server. An answer has at most maxTokens tokens if the request
// does not say. The client is one of [llm.NewHTTPClient].
func New(cfg Config, maxTokens int, client *http.Client) (*Adapter, error) {
	base, ok := baseURL(cfg.Host)
	if !ok {
		return nil, errors.Sentinel("ollama: the host is not valid")
	}
	// Whether a model has the features is known only to Ollama, which refuses what a model lacks.
	features := llm.FeatureTools | llm.FeatureSchema | llm.FeatureImages | llm.FeatureTemperature
	info := llm.Info{Provider: "ollama", Model: cmp.Or(cfg.Model, defaultModel), Features: features}
	return &Adapter{client, base, info, maxTokens}, nil
}

// Info describes the model.
func (a *Adapter) Info() llm.Info { return a.info }

// Generate returns the whole answer. It is streamed, so that the end of a request ends its work.
func (a *Adapter) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(a.Stream(ctx, r))
}

// Stream returns the answer while it is generated.
func (a *Adapter) Stream(ctx context.Context, r *llm.Request) iter.Seq2[llm.Event, error] {
	return llm.Answer(ctx, a.info, a.http, r, func(x *llm.Exchange) error {
		return a.send(ctx, x, "/api/chat", a.request(r))
	}, read)
}

// send sends a request.
func (a *Adapter) send(ctx context.Context, x *llm.Exchange, path string, body object) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	_, err = x.Do(req) //nolint:bodyclose // the Exchange keeps the response
	return err
}

type object = map[string]any

type message struct {
	Role       string   `json:"role"`
	Content    string   `json:"content"`
	Thinking   string   `json:"thinking,omitempty"`
	Images     [][]byte `json:"images,omitempty"`
	ToolCalls  []call   `json:"tool_calls,omitempty"`
	ToolName   string   `json:"tool_name,omitempty"`
	ToolCallID string   `json:"tool_call_id,omitempty"`
}

type call struct {
	ID       string `json:"id,omitempty"`
	Function called `json:"function"`
}

type called struct {
	Index     int             `json:"index"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// request translates a Request.
func (a *Adapter) request(r *llm.Request) object {
	options := object{"num_predict": cmp.Or(r.MaxTokens, a.maxTokens)}
	if r.Temperature != nil {
		options["temperature"] = *r.Temperature
	}
	messages := []message{}
	if r.System != "" {
		messages = append(messages, message{Role: "system", Content: r.System})
	}
	names := map[string]string{} // of the tools that were called
	for _, m := range r.Messages {
		next := message{Role: string(m.Role), Content: m.Text, ToolCallID: m.ToolCallID, ToolName: names[m.ToolCallID]}
		for _, image := range m.Images {
			next.Images = append(next.Images, image.Data)
		}
		for i, c := range m.ToolCalls {
			names[c.ID] = c.Name
			next.ToolCalls = append(next.ToolCalls, call{c.ID, called{i, c.Name, llm.Object(c.Arguments)}})
		}
		messages = append(messages, next)
	}
	body := object{
		"model": a.info.Model, "messages": messages, "options": options, "stream": true,
		// Otherwise, Ollama cuts a prompt that is too long, and the beginning out of a window that is full.
		"truncate": false, "shift": false,
	}
	tools := []object{}
	for _, t := range r.Tools {
		tools = append(tools, object{"type": "function", "function": object{
			"name": t.Name, "description": t.Description, "parameters": llm.Object(t.Parameters),
		}})
	}
	if len(tools) > 0 {
		body["tools"] = tools
	}
	if r.Schema != nil {
		body["format"] = llm.Object(r.Schema.Schema)
	}
	return body
}

// line is a line of a stream.
type line struct {
	llm.Part
	Message    message `json:"message"`
	Done       bool    `json:"done"`
	DoneReason string  `json:"done_reason"`
	Input      int     `json:"prompt_eval_count"`
	Output     int     `json:"eval_count"`
}

// read reads an answer, which is complete with a line that is done.
func read(x *llm.Exchange) error {
	var l line
	for {
		l = line{}
		if err := x.Next(&l); err != nil {
			return err
		}
		x.Text(l.Message.Content)
		x.Work(l.Message.Thinking)
		for _, c := range l.Message.ToolCalls {
			// Before 0.12 calls have no id.
			id := cmp.Or(c.ID, "call_"+strconv.Itoa(len(x.Calls)))
			x.Calls = append(x.Calls, llm.ToolCall{ID: id, Name: c.Function.Name, Arguments: c.Function.Arguments})
			x.Work(string(c.Function.Arguments))
		}
		if !l.Done {
			continue
		}
		x.Usage = llm.Usage{Input: l.Input, Output: l.Output}
		x.Counted = l.Input > 0 && l.Output > 0
		switch l.DoneReason {
		case "length":
			x.Finish = llm.FinishLength
		case "stop", "": // an old server does not say
			x.Finish = llm.FinishStop
		default: // "load" is no answer
			return errors.Sentinel("ollama: done_reason " + l.DoneReason)
		}
		return nil
	}
}

// Embed returns a vector for each text.
func (a *Adapter) Embed(ctx context.Context, model string, texts []string) ([][]float32, llm.Usage, error) {
	info := llm.Info{Provider: a.info.Provider, Model: model}
	return llm.Embed(ctx, info, a.http, texts, func(x *llm.Exchange) error {
		return a.send(ctx, x, "/api/embed", object{"model": model, "input": texts, "truncate": false})
	}, func(x *llm.Exchange) ([][]float32, int, error) {
		var e struct {
			llm.Part
			Embeddings [][]float32
			Input      int `json:"prompt_eval_count"`
		}
		err := x.Next(&e)
		return e.Embeddings, e.Input, err
	})
}
