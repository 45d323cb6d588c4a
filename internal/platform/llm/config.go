package llm

import (
	"slices"
	"time"
)

// Config holds what is common to all providers. Read it with config.Load.
type Config struct {
	Chain             []string      `env:"LLM_PROVIDER_CHAIN" env-default:"claude,openai,ollama" env-rule:"oneof=claude openai azure ollama" env-description:"providers of language models in the order in which they are asked; those without a configuration are left out"`
	RequestTimeout    time.Duration `env:"LLM_REQUEST_TIMEOUT" env-default:"30s" env-rule:"range=1s..10m" env-description:"for the answer to one attempt; for the first event if the answer is streamed"`
	FirstTokenTimeout time.Duration `env:"LLM_FIRST_TOKEN_TIMEOUT" env-default:"15s" env-rule:"range=1s..10m" env-description:"for the first event of a streamed answer"`
	IdleTimeout       time.Duration `env:"LLM_IDLE_TIMEOUT" env-default:"15s" env-rule:"range=1s..10m" env-description:"between two events of a streamed answer"`
	MaxAttempts       int           `env:"LLM_MAX_ATTEMPTS" env-default:"4" env-rule:"range=1..20" env-description:"attempts of a request at all providers together; each may cost money"`
	MaxTokens         int           `env:"LLM_MAX_TOKENS" env-default:"1024" env-rule:"range=1..1000000" env-description:"bound of an answer"`
	BreakerThreshold  int           `env:"LLM_BREAKER_THRESHOLD" env-default:"5" env-rule:"range=1..1000" env-description:"failures in a row after which a provider is not asked for LLM_BREAKER_COOLDOWN"`
	BreakerCooldown   time.Duration `env:"LLM_BREAKER_COOLDOWN" env-default:"30s" env-rule:"range=1s..1h" env-description:"pause of a provider that fails; then one request tries it again"`
	DailyBudgetUSD    float64       `env:"LLM_TENANT_DAILY_BUDGET_USD" env-default:"0" env-rule:"range=0..1000000" env-description:"dollars that a tenant may spend on a day (UTC); 0 for no limit"`
	PricesFile        string        `env:"LLM_PRICES_FILE" env-description:"CSV file with prices of models that replace or add to the built-in ones"`
}

// Validate reports a provider that is in the chain twice, and a file of prices that cannot be read.
func (c Config) Validate(report func(variable, rule, message string)) {
	for i, name := range c.Chain {
		if slices.Contains(c.Chain[:i], name) {
			report("LLM_PROVIDER_CHAIN", "unique", "must name each provider once")
			break
		}
	}
	if _, err := LoadPrices(c.PricesFile); err != nil {
		report("LLM_PRICES_FILE", "format", err.Error())
	}
}
