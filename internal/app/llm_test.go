package app // part:llm file

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/ollama" // part:ollama
)

// part:ollama begin

func TestRequestsHaveRoomInTheWindow(t *testing.T) {
	t.Parallel()
	for maxTokens, want := range map[int]int{1000: 4096 - 1000, 100_000: 2048} {
		m, err := newModels(&LLMConfig{
			Config: llm.Config{Chain: []string{"claude", "ollama"}, MaxTokens: maxTokens},
			Ollama: ollama.Config{Host: "http://localhost:11434", Model: "m"},
		}, nil)
		require.NoError(t, err)
		assert.Equal(t, []int{want}, m.windows)
	}
}

// part:ollama end

func TestChainOfDeletedProviders(t *testing.T) {
	t.Parallel()
	m, err := newModels(&LLMConfig{Config: llm.Config{Chain: []string{"gone"}}}, nil)
	require.NoError(t, err)
	_, err = m.Generate(t.Context(), &llm.Request{})
	assert.True(t, errors.HasCode(err, errors.CodeLLMUnavailable))
	assert.ErrorContains(t, err, "LLM_PROVIDER_CHAIN")
}
