package llmtest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/claude" // part:claude
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/ollama" // part:ollama
	"github.com/netrun-systems/go-service-template/internal/platform/llm/openai" // part:openai
)

// The suite is tested with the adapters that it is for. Each runs it too, for its own sake.
func TestConformance(t *testing.T) {
	t.Parallel()
	// part:claude begin
	t.Run("claude", func(t *testing.T) {
		t.Parallel()
		llmtest.Conform(t, llmtest.Suite{Format: llmtest.Claude, New: func(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
			t.Helper()
			a, err := claude.New(claude.Config{APIKey: llmtest.Key, BaseURL: url, Model: "claude-haiku-4-5"}, maxTokens, client)
			require.NoError(t, err)
			return a
		}})
	})
	// part:claude end
	// part:ollama begin
	t.Run("ollama", func(t *testing.T) {
		t.Parallel()
		llmtest.Conform(t, llmtest.Suite{Format: llmtest.Ollama, New: func(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
			t.Helper()
			a, err := ollama.New(ollama.Config{Host: url, Model: "small"}, maxTokens, client)
			require.NoError(t, err)
			return a
		}})
	})
	// part:ollama end
	// part:openai begin
	t.Run("openai", func(t *testing.T) {
		t.Parallel()
		llmtest.Conform(t, llmtest.Suite{Format: llmtest.OpenAI, New: func(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
			t.Helper()
			a, err := openai.New(openai.Config{APIKey: llmtest.Key, BaseURL: url + "/v1", Model: "gpt-4.1-mini"}, maxTokens, client)
			require.NoError(t, err)
			return a
		}})
	})
	// part:openai end
}
