package llm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

func load(t *testing.T, vars map[string]string) (*llm.Config, error) {
	t.Helper()
	cfg, _, err := config.Load[llm.Config](t.Context(), config.Options{Dir: t.TempDir(), Lookup: func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}})
	return cfg, err
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, nil)
	require.NoError(t, err)
	assert.Equal(t, &llm.Config{
		Chain: []string{"claude", "openai", "ollama"}, RequestTimeout: 30 * time.Second, FirstTokenTimeout: 15 * time.Second,
		IdleTimeout: 15 * time.Second, MaxAttempts: 4, MaxTokens: 1024, BreakerThreshold: 5, BreakerCooldown: 30 * time.Second,
	}, cfg)
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	for variable, value := range map[string]string{
		"LLM_PROVIDER_CHAIN": "claude,gemini", "LLM_REQUEST_TIMEOUT": "0", "LLM_FIRST_TOKEN_TIMEOUT": "0.5", "LLM_IDLE_TIMEOUT": "1h",
		"LLM_MAX_ATTEMPTS": "0", "LLM_MAX_TOKENS": "0", "LLM_BREAKER_THRESHOLD": "0", "LLM_BREAKER_COOLDOWN": "0",
		"LLM_TENANT_DAILY_BUDGET_USD": "-1",
	} {
		_, err := load(t, map[string]string{variable: value})
		require.Error(t, err, variable)
		assert.Contains(t, err.Error(), variable)
	}
	_, err := load(t, map[string]string{"LLM_PROVIDER_CHAIN": "openai, Claude, OPENAI"})
	problems, ok := errors.AsType[*config.Error](err)
	require.True(t, ok, "%v", err)
	require.Len(t, problems.Problems, 1)
	assert.Equal(t, "unique", problems.Problems[0].Rule)
}
