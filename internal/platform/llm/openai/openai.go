// Package openai has the [llm.Adapter] of OpenAI, of servers compatible with it, and of Azure
// OpenAI, over go-openai.
package openai

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

const (
	defaultBaseURL = "https://api.openai.com/v1"

	// smallest stands for the temperature 0, which go-openai leaves out.
	smallest = math.SmallestNonzeroFloat32
)

// Config is the configuration of OpenAI, or of a server compatible with it.
type Config struct {
	APIKey  config.Secret `env:"OPENAI_API_KEY" env-description:"API key of OpenAI, or of the server at OPENAI_BASE_URL"`
	BaseURL string        `env:"OPENAI_BASE_URL" env-default:"https://api.openai.com/v1" env-description:"base URL of OpenAI or of a compatible server, up to and without /chat/completions; plain http only in private networks"`
	Model   string        `env:"LLM_OPENAI_MODEL" env-default:"gpt-5.4-mini" env-description:"model that OpenAI answers with"`
}

// Configured reports whether there is an API key, or another server, which may need none.
func (c *Config) Configured() bool {
	return !c.APIKey.IsZero() || strings.TrimRight(c.BaseURL, "/") != defaultBaseURL
}

// Validate reports a base URL that cannot be used.
func (c *Config) Validate(report func(variable, rule, message string)) {
	if problem := llm.CheckBaseURL(c.BaseURL); problem != "" {
		report("OPENAI_BASE_URL", "url", problem)
	}
}

// AzureConfig is the configuration of Azure OpenAI.
type AzureConfig struct {
	APIKey     config.Secret `env:"AZURE_OPENAI_API_KEY" env-description:"API key of the resource of Azure OpenAI"`
	Endpoint   string        `env:"AZURE_OPENAI_ENDPOINT" env-description:"URL of the resource, such as https://NAME.openai.azure.com"`
	Deployment string        `env:"AZURE_OPENAI_DEPLOYMENT" env-description:"deployment that answers; one whose name begins with o1, o3, o4 or gpt-5 takes no temperature"`
	APIVersion string        `env:"AZURE_OPENAI_API_VERSION" env-description:"dated version of the API, such as 2024-10-21; when empty, the API is v1, which has no dates"`
}

// Configured reports whether there is a deployment to ask.
func (c *AzureConfig) Configured() bool { return c.Endpoint != "" && c.Deployment != "" }

// Validate reports an endpoint that cannot be used, and variables that are missing.
func (c *AzureConfig) Validate(report func(variable, rule, message string)) {
	none := c.APIKey.IsZero() && c.Endpoint == "" && c.Deployment == ""
	for variable, isSet := range map[string]bool{
		"AZURE_OPENAI_API_KEY":    !c.APIKey.IsZero(),
		"AZURE_OPENAI_ENDPOINT":   c.Endpoint != "",
		"AZURE_OPENAI_DEPLOYMENT": c.Deployment != "",
	} {
		if !isSet && !none {
			report(variable, "required", "is required: the key, the endpoint and the deployment of Azure OpenAI come together")
		}
	}
	if problem := llm.CheckBaseURL(c.Endpoint); problem != "" && c.Endpoint != "" {
		report("AZURE_OPENAI_ENDPOINT", "url", problem)
	}
}

// Adapter is an [llm.Adapter] and an [llm.Embedder].
type Adapter struct {
	// Token returns a token of Microsoft Entra ID to be sent instead of the API key, if it is not nil. It
	// is called for each request, so it should cache, as the credentials of azidentity do.
	Token func(context.Context) (string, error)

	info      llm.Info
	config    goopenai.ClientConfig
	client    *goopenai.Client
	maxTokens int
	http      *http.Client
}

// New returns the Adapter of OpenAI, or of a server compatible with it. Answers have at most
// maxTokens tokens if a request does not say. The client is one of [llm.NewHTTPClient].
func New(cfg Config, maxTokens int, client *http.Client) (*Adapter, error) {
	c := goopenai.DefaultConfig(cfg.APIKey.Reveal())
	c.BaseURL = cfg.BaseURL
	return newAdapter("openai", cfg.Model, c, maxTokens, client)
}

// NewAzure returns the Adapter of a deployment of Azure OpenAI, like [New].
func NewAzure(cfg AzureConfig, maxTokens int, client *http.Client) (*Adapter, error) {
	// The portal shows the URL with the path of the API, too.
	c := goopenai.DefaultConfig(cfg.APIKey.Reveal())
	c.BaseURL = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(cfg.Endpoint, "/"), "/v1"), "/openai")
	if cfg.APIVersion == "" {
		c.BaseURL += "/openai/v1"
	} else {
		c.APIType, c.APIVersion, c.AzureModelMapperFunc = goopenai.APITypeAzure, cfg.APIVersion, url.PathEscape
	}
	return newAdapter("azure_openai", cfg.Deployment, c, maxTokens, client)
}

func newAdapter(
	provider, model string, c goopenai.ClientConfig, maxTokens int, client *http.Client,
) (*Adapter, error) {
	if problem := llm.CheckBaseURL(c.BaseURL); problem != "" {
		return nil, fmt.Errorf("%s: the base URL %s", provider, problem)
	}
	info := llm.Info{Provider: provider, Model: model, Features: llm.FeatureSchema | llm.FeatureImages}
	// go-openai refuses to send what some models do not take. It knows them by their names, so it may
	// be wrong about the name of a deployment.
	for feature, r := range map[llm.Features]goopenai.ChatCompletionRequest{
		llm.FeatureTools:       {Model: model, Tools: []goopenai.Tool{{}}},
		llm.FeatureTemperature: {Model: model, Temperature: smallest},
	} {
		if goopenai.NewReasoningValidator().Validate(r) == nil {
			info.Features |= feature
		}
	}
	c.HTTPClient = llm.Sender{}
	return &Adapter{
		info: info, config: c, client: goopenai.NewClientWithConfig(c), maxTokens: maxTokens, http: client,
	}, nil
}

// Info describes the model.
func (a *Adapter) Info() llm.Info { return a.info }

// Generate returns the whole answer.
func (a *Adapter) Generate(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return llm.Collect(a.answer(ctx, r, false))
}

// Stream returns the answer while it is generated.
func (a *Adapter) Stream(ctx context.Context, r *llm.Request) iter.Seq2[llm.Event, error] {
	return a.answer(ctx, r, true)
}

func (a *Adapter) answer(ctx context.Context, r *llm.Request, stream bool) iter.Seq2[llm.Event, error] {
	return llm.Answer(ctx, a.info, a.http, r, func(x *llm.Exchange) error {
		ctx := x.Context(ctx)
		c, err := a.authorized(ctx)
		if err != nil {
			return err
		}
		req := a.request(r)
		if stream {
			req.StreamOptions = &goopenai.StreamOptions{IncludeUsage: true}
			_, err = c.CreateChatCompletionStream(ctx, req)
		} else {
			_, err = c.CreateChatCompletion(ctx, req)
		}
		if errors.Is(err, goopenai.ErrChatCompletionInvalidModel) {
			return &llm.Error{Kind: llm.KindModelNotFound, Code: "not_a_chat_model", Cause: err}
		}
		return err
	}, read)
}

// authorized returns a client of go-openai with the key, or with a token.
func (a *Adapter) authorized(ctx context.Context) (*goopenai.Client, error) {
	if a.Token == nil {
		return a.client, nil
	}
	token, err := a.Token(ctx)
	if err != nil {
		return nil, &llm.Error{Kind: llm.KindUnavailable, Code: "token", Cause: err}
	}
	c := goopenai.DefaultConfig(token)
	c.BaseURL, c.HTTPClient = a.config.BaseURL, a.config.HTTPClient
	if a.config.APIVersion != "" {
		c.APIType, c.APIVersion, c.AzureModelMapperFunc = goopenai.APITypeAzureAD, a.config.APIVersion, url.PathEscape
	}
	return goopenai.NewClientWithConfig(c), nil
}

// request translates a Request.
func (a *Adapter) request(r *llm.Request) goopenai.ChatCompletionRequest {
	req := goopenai.ChatCompletionRequest{
		Model: a.info.Model, MaxCompletionTokens: cmp.Or(r.MaxTokens, a.maxTokens),
		Messages: make([]goopenai.ChatCompletionMessage, 0, len(r.Messages)+1),
	}
	if r.Temperature != nil {
		req.Temperature = cmp.Or(float32(*r.Temperature), smallest)
	}
	if r.System != "" {
		system := goopenai.ChatCompletionMessage{Role: goopenai.ChatMessageRoleSystem, Content: r.System}
		req.Messages = append(req.Messages, system)
	}
	for _, m := range r.Messages {
		req.Messages = append(req.Messages, message(m))
	}
	for _, t := range r.Tools {
		req.Tools = append(req.Tools, goopenai.Tool{Type: goopenai.ToolTypeFunction, Function: &goopenai.FunctionDefinition{
			Name: t.Name, Description: t.Description, Parameters: llm.Object(t.Parameters),
		}})
	}
	if r.Schema != nil {
		req.ResponseFormat = &goopenai.ChatCompletionResponseFormat{
			Type: goopenai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &goopenai.ChatCompletionResponseFormatJSONSchema{
				Name: cmp.Or(r.Schema.Name, "answer"), Schema: llm.Object(r.Schema.Schema), Strict: true,
			},
		}
	}
	return req
}

func message(m llm.Message) goopenai.ChatCompletionMessage {
	out := goopenai.ChatCompletionMessage{Role: string(m.Role), Content: m.Text, ToolCallID: m.ToolCallID}
	if m.Role == llm.RoleTool && m.Text == "" {
		out.Content = " " // go-openai leaves out an empty content, which OpenAI wants of a tool
	}
	if len(m.Images) > 0 {
		out.Content = ""
		if m.Text != "" {
			out.MultiContent = []goopenai.ChatMessagePart{{Type: goopenai.ChatMessagePartTypeText, Text: m.Text}}
		}
		for _, image := range m.Images {
			data := "data:" + image.MediaType + ";base64," + base64.StdEncoding.EncodeToString(image.Data)
			out.MultiContent = append(out.MultiContent, goopenai.ChatMessagePart{
				Type: goopenai.ChatMessagePartTypeImageURL, ImageURL: &goopenai.ChatMessageImageURL{URL: data},
			})
		}
	}
	for _, call := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, goopenai.ToolCall{
			ID: call.ID, Type: goopenai.ToolTypeFunction,
			Function: goopenai.FunctionCall{Name: call.Name, Arguments: string(llm.Object(call.Arguments))},
		})
	}
	return out
}

// chunk is an answer or a part of a streamed one.
type chunk struct {
	llm.Part
	Choices []struct {
		Error          json.RawMessage
		Message, Delta struct {
			Content, Refusal string
			Reasoning        string     `json:"reasoning_content"` // of some servers
			ToolCalls        []toolCall `json:"tool_calls"`
		}
		FinishReason string `json:"finish_reason"`
	}
	Usage *usage
}

type toolCall struct {
	Index    *int
	ID       string
	Function struct{ Name, Arguments string }
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// read reads an answer, which is complete with a finish_reason. The usage may come later.
func read(x *llm.Exchange) error {
	var indexes []int // of the calls, as the server counts
	var c chunk
	for {
		c = chunk{}
		if err := x.Next(&c); err != nil {
			return err
		}
		if u := c.Usage; u != nil {
			x.Usage = llm.Usage{Input: u.Prompt, Output: u.Completion, CacheRead: u.Details.Cached}
			x.Counted = x.Usage != llm.Usage{}
		}
		if len(c.Choices) == 0 { // as in the chunk with the usage, and in the first one of Azure
			continue
		}
		choice := &c.Choices[0]
		if err := x.Refused(choice.Error); err != nil {
			return err
		}
		for i, call := range choice.Message.ToolCalls {
			call.Index = &i
			indexes = addCall(x, indexes, call)
		}
		for _, call := range choice.Delta.ToolCalls {
			indexes = addCall(x, indexes, call)
		}
		x.Work(choice.Delta.Reasoning)
		x.Text(choice.Message.Content + choice.Delta.Content)
		if choice.Message.Refusal+choice.Delta.Refusal != "" {
			choice.FinishReason = "content_filter"
		}
		switch choice.FinishReason {
		case "":
		case "length":
			x.Finish = llm.FinishLength
		case "stop", "tool_calls":
			x.Finish = llm.FinishStop
		default: // Some servers report an error that way.
			return x.Error(choice.FinishReason, "", nil)
		}
	}
}

// addCall merges a part of a call. Servers that send whole calls may leave out the index.
func addCall(x *llm.Exchange, indexes []int, part toolCall) []int {
	i, index := len(x.Calls)-1, len(x.Calls)
	switch {
	case part.Index != nil:
		i, index = slices.Index(indexes, *part.Index), *part.Index
	case part.ID != "":
		i = -1
	}
	if i < 0 {
		i = len(x.Calls)
		x.Calls, indexes = append(x.Calls, llm.ToolCall{}), append(indexes, index)
	}
	call := &x.Calls[i]
	call.ID, call.Name = cmp.Or(part.ID, call.ID), cmp.Or(part.Function.Name, call.Name)
	call.Arguments = append(call.Arguments, part.Function.Arguments...)
	x.Work(part.Function.Arguments)
	return indexes
}

// Embed returns a vector for each text.
func (a *Adapter) Embed(ctx context.Context, model string, texts []string) ([][]float32, llm.Usage, error) {
	info := llm.Info{Provider: a.info.Provider, Model: model}
	return llm.Embed(ctx, info, a.http, texts, func(x *llm.Exchange) error {
		ctx := x.Context(ctx)
		c, err := a.authorized(ctx)
		if err == nil {
			_, err = c.CreateEmbeddings(ctx, goopenai.EmbeddingRequestStrings{
				Input: texts, Model: goopenai.EmbeddingModel(model),
			})
		}
		return err
	}, func(x *llm.Exchange) ([][]float32, int, error) {
		var e struct {
			llm.Part
			Data []struct {
				Index     int
				Embedding []float32
			}
			Usage usage
		}
		err := x.Next(&e)
		vectors := make([][]float32, len(texts))
		for _, d := range e.Data {
			if d.Index >= 0 && d.Index < len(vectors) {
				vectors[d.Index] = d.Embedding
			}
		}
		return vectors, e.Usage.Prompt, err
	})
}
