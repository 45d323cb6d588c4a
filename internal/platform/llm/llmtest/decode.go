package llmtest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// members are those that a request of a format may have.
var members = map[Format]string{
	OpenAI: "model input encoding_format stream stream_options messages tools response_format max_completion_tokens " +
		"temperature",
	Claude: "model stream system messages tools output_config max_tokens",
	Ollama: "model input stream messages tools format options truncate shift",
}

// body is a request of any format.
type body struct {
	Model    string
	Input    []string // to embed
	Stream   bool
	System   content // Claude
	Messages []message
	Tools    []tool

	Temperature    *float64
	MaxTokens      int `json:"max_tokens"`
	MaxCompletion  int `json:"max_completion_tokens"`
	ResponseFormat struct {
		Schema llm.Schema `json:"json_schema"`
	} `json:"response_format"`
	OutputConfig struct{ Format llm.Schema } `json:"output_config"`

	// Ollama.
	Format  json.RawMessage
	Options struct {
		Temperature *float64
		MaxTokens   int `json:"num_predict"`
	}
}

type message struct {
	Role       string
	Content    content
	Images     [][]byte // Ollama
	ToolCallID string   `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string
		Function struct {
			Name      string
			Arguments json.RawMessage // JSON, or a text of it
		}
	} `json:"tool_calls"`
}

type tool struct {
	llm.Tool // Claude, but for the parameters

	Schema   json.RawMessage `json:"input_schema"`
	Function llm.Tool        // the others
}

// content is a text, or a list of parts.
type content []struct {
	Type, Text string
	ImageURL   struct{ URL string } `json:"image_url"` // OpenAI

	// Claude.
	Source struct {
		MediaType string `json:"media_type"`
		Data      []byte
	}
	ID, Name  string
	Input     json.RawMessage
	ToolUseID string `json:"tool_use_id"`
	Content   content
}

func (c *content) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("[")) {
		data = fmt.Appendf(nil, `[{"type":"text","text":%s}]`, data)
	}
	type list content
	return json.Unmarshal(data, (*list)(c))
}

// text returns the texts of the parts.
func (c content) text() string {
	var b strings.Builder
	for _, p := range c {
		b.WriteString(p.Text)
	}
	return b.String()
}

// decode understands the body of a request.
func decode(r *Request) error {
	format := r.Format
	if format == Azure {
		format = OpenAI
	}
	var in body
	var names map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(r.Body, &in), json.Unmarshal(r.Body, &names)); err != nil {
		return err
	}
	for name := range names {
		if !strings.Contains(" "+members[format]+" ", " "+name+" ") {
			return fmt.Errorf("%s has no %s", format, name)
		}
	}
	r.Model, r.Texts, r.Stream, r.System = in.Model, in.Input, in.Stream, in.System.text()
	r.MaxTokens = cmp.Or(in.MaxTokens, in.MaxCompletion, in.Options.MaxTokens)
	r.Temperature = cmp.Or(in.Temperature, in.Options.Temperature)
	for _, m := range in.Messages {
		if err := r.add(m); err != nil {
			return err
		}
	}
	for _, t := range in.Tools {
		if t.Function.Name != "" {
			t.Tool, t.Schema = t.Function, t.Function.Parameters
		}
		r.Tools = append(r.Tools, llm.Tool{Name: t.Name, Description: t.Description, Parameters: t.Schema})
	}
	for _, s := range []llm.Schema{in.ResponseFormat.Schema, in.OutputConfig.Format, {Schema: in.Format}} {
		if s.Schema != nil {
			r.Schema = &s
		}
	}
	return nil
}

// add understands a message.
func (r *Request) add(m message) error {
	if m.Role == "system" {
		r.System += m.Content.text()
		return nil
	}
	out := llm.Message{Role: llm.Role(m.Role), ToolCallID: m.ToolCallID}
	for _, data := range m.Images {
		out.Images = append(out.Images, llm.Image{Data: data})
	}
	for _, c := range m.ToolCalls {
		call := llm.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}
		var text string
		if r.Format != Ollama {
			if err := json.Unmarshal(call.Arguments, &text); err != nil {
				return err
			}
			call.Arguments = json.RawMessage(text)
		}
		out.ToolCalls = append(out.ToolCalls, call)
	}
	for _, p := range m.Content {
		switch p.Type {
		case "text":
			out.Text += p.Text
		case "image_url":
			mediaType, data, ok := strings.Cut(strings.TrimPrefix(p.ImageURL.URL, "data:"), ";base64,")
			image, err := base64.StdEncoding.DecodeString(data)
			if err != nil || !ok {
				return fmt.Errorf("image_url is not a data URL: %w", err)
			}
			out.Images = append(out.Images, llm.Image{MediaType: mediaType, Data: image})
		case "image":
			out.Images = append(out.Images, llm.Image{MediaType: p.Source.MediaType, Data: p.Source.Data})
		case "tool_use":
			out.ToolCalls = append(out.ToolCalls, llm.ToolCall{ID: p.ID, Name: p.Name, Arguments: p.Input})
		case "tool_result":
			result := llm.Message{Role: llm.RoleTool, ToolCallID: p.ToolUseID, Text: p.Content.text()}
			r.Messages = append(r.Messages, result)
		default:
			return errors.Sentinel("unknown part " + p.Type)
		}
	}
	if out.Text != "" || out.Images != nil || out.ToolCalls != nil || r.Format != Claude {
		r.Messages = append(r.Messages, out)
	}
	return nil
}
