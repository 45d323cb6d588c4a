package app // part:llm file

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/app/budget"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/claude" // part:claude
	"github.com/netrun-systems/go-service-template/internal/platform/llm/ollama" // part:ollama
	"github.com/netrun-systems/go-service-template/internal/platform/llm/openai" // part:openai
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// unknownWindow is the context window, in tokens, assumed for a model without a known one.
const unknownWindow = 8192

// LLMConfig holds the settings of language models.
type LLMConfig struct {
	llm.Config
	Claude claude.Config      // part:claude
	OpenAI openai.Config      // part:openai
	Azure  openai.AzureConfig // part:openai
	Ollama ollama.Config      // part:ollama
}

// modelProvider is a provider that LLM_PROVIDER_CHAIN may name.
type modelProvider struct {
	name       string
	variables  string // that configure it
	configured bool
	open       func() (llm.Adapter, error)
}

// providers returns the providers that the service is built with.
func (c *LLMConfig) providers() []modelProvider {
	return []modelProvider{
		// part:claude begin
		{"claude", "ANTHROPIC_API_KEY", c.Claude.Configured(), func() (llm.Adapter, error) {
			return claude.New(c.Claude, c.MaxTokens, llm.NewHTTPClient())
		}},
		// part:claude end
		// part:openai begin
		{"openai", "OPENAI_API_KEY", c.OpenAI.Configured(), func() (llm.Adapter, error) {
			return openai.New(c.OpenAI, c.MaxTokens, llm.NewHTTPClient())
		}},
		{"azure", "AZURE_OPENAI_ENDPOINT", c.Azure.Configured(), func() (llm.Adapter, error) {
			return openai.NewAzure(c.Azure, c.MaxTokens, llm.NewHTTPClient())
		}},
		// part:openai end
		// part:ollama begin
		{"ollama", "LLM_OLLAMA_MODEL", c.Ollama.Configured(), func() (llm.Adapter, error) {
			return ollama.New(c.Ollama, c.MaxTokens, llm.NewHTTPClient())
		}},
		// part:ollama end
	}
}

// models are the language models of the service.
type models struct {
	llm.Provider
	windows []int // tokens that a request may have, for each model
}

// newModels returns the providers of LLM_PROVIDER_CHAIN that have a configuration, in that order, and
// charges them to the tenants. Without any, each request fails.
func newModels(c *LLMConfig, pool *db.Pool) (*models, error) {
	built := c.providers()
	var adapters []llm.Adapter
	var used, leftOut, variables []string
	for _, name := range c.Chain {
		i := slices.IndexFunc(built, func(p modelProvider) bool { return p.name == name })
		if i < 0 || !built[i].configured {
			leftOut = append(leftOut, name)
			if i >= 0 {
				variables = append(variables, built[i].variables)
			}
			continue
		}
		adapter, err := built[i].open()
		if err != nil {
			return nil, err
		}
		adapters, used = append(adapters, adapter), append(used, name)
	}
	if len(adapters) == 0 {
		if len(variables) == 0 { // the chain names only parts that were deleted
			variables = []string{"LLM_PROVIDER_CHAIN"}
		}
		log.Info(context.Background(), "llm_not_configured",
			logging.Strings("left_out", leftOut), logging.Strings("set_one_of", variables))
		return &models{unconfigured{variables}, []int{unknownWindow}}, nil
	}
	log.Info(context.Background(), "llm_configured",
		logging.Strings("providers", used), logging.Strings("left_out", leftOut))
	prices, err := llm.LoadPrices(c.PricesFile)
	if err != nil {
		return nil, err
	}
	chain, err := llm.NewChain(adapters, llm.ChainOptions{Config: c.Config, Prices: prices})
	if err != nil {
		return nil, err
	}
	m := &models{Provider: &llm.Budget{
		Next: chain, Worst: chain.Worst, Ledger: budget.NewLedger(pool), Limit: llm.Cost(math.Round(c.DailyBudgetUSD * 1e6)),
	}}
	for _, window := range chain.Windows() {
		window = cmp.Or(window, unknownWindow)
		m.windows = append(m.windows, window-min(c.MaxTokens, window/2))
	}
	return m, nil
}

// unconfigured is the provider of a service without language models. It has the variables of which
// one is to be set.
type unconfigured struct{ variables []string }

func (u unconfigured) Generate(context.Context, *llm.Request) (*llm.Response, error) {
	e := errors.Wrap(&llm.Error{Kind: llm.KindUnavailable}, errors.CodeLLMUnavailable,
		"The service has no language model: set one of "+strings.Join(u.variables, ", "))
	e.RetryAfter = time.Minute
	return nil, e
}

func (u unconfigured) Stream(ctx context.Context, r *llm.Request) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		_, err := u.Generate(ctx, r)
		yield(llm.Event{}, err)
	}
}
