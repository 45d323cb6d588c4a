package openai_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/llmtest"
	"github.com/netrun-systems/go-service-template/internal/platform/llm/openai"
)

func TestAzureConformance(t *testing.T) {
	t.Parallel()
	llmtest.Conform(t, llmtest.Suite{Format: llmtest.Azure, New: func(t testing.TB, url string, maxTokens int, client *http.Client) llm.Adapter {
		t.Helper()
		a, err := openai.NewAzure(openai.AzureConfig{APIKey: llmtest.Key, Endpoint: url, Deployment: "d"}, maxTokens, client)
		require.NoError(t, err)
		return a
	}})
}

func TestAzureURLs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path, deployment, version string
		chat, vectors             string // the paths of requests
		header, value             string // of the key
	}{
		"v1":          {"", "d", "", "/openai/v1/chat/completions", "/openai/v1/embeddings", "Authorization", "Bearer " + key},
		"v1, a slash": {"/", "d", "", "/openai/v1/chat/completions", "/openai/v1/embeddings", "Authorization", "Bearer " + key},
		"v1, the whole URL": {
			"/openai/v1/", "d", "", "/openai/v1/chat/completions", "/openai/v1/embeddings", "Authorization", "Bearer " + key,
		},
		"v1, any name": {"", "a/b:c", "", "/openai/v1/chat/completions", "/openai/v1/embeddings", "Authorization", "Bearer " + key},
		"dated": {
			"", "d", "2024-10-21", "/openai/deployments/d/chat/completions?api-version=2024-10-21",
			"/openai/deployments/e%2F3/embeddings?api-version=2024-10-21", "Api-Key", key,
		},
		"dated, escaped": {
			"", "../a/b:c?d", "1&x=2", "/openai/deployments/..%2Fa%2Fb:c%3Fd/chat/completions?api-version=1%26x%3D2",
			"/openai/deployments/e%2F3/embeddings?api-version=1%26x%3D2", "Api-Key", key,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, llmtest.Reply{Text: "hello"})
			cfg := openai.AzureConfig{APIKey: key, Endpoint: s.URL + tt.path, Deployment: tt.deployment, APIVersion: tt.version}
			a, err := openai.NewAzure(cfg, 100, client(t))
			require.NoError(t, err)
			assert.Equal(t, "azure_openai", a.Info().Provider)
			assert.Equal(t, tt.deployment, a.Info().Model)
			_, err = a.Generate(t.Context(), ask())
			require.NoError(t, err)
			resp, err := drain(a, ask()) // its first chunk has no choices
			require.NoError(t, err)
			assert.Equal(t, "hello", resp.Text)
			assert.Equal(t, "azure_openai", resp.Provider)
			assert.Equal(t, "req_1", resp.RequestID)
			_, _, err = a.Embed(t.Context(), "e/3", []string{"x"})
			require.NoError(t, err)
			for i, r := range s.Requests() {
				assert.Equal(t, []string{tt.chat, tt.chat, tt.vectors}[i], r.Path)
				assert.Equal(t, tt.value, r.Header.Get(tt.header))
				assert.False(t, r.Header.Get("Authorization") != "" && r.Header.Get("Api-Key") != "", "the key is sent once")
			}
			assert.Equal(t, tt.deployment, s.Requests()[0].Model)
		})
	}
}

func TestAzureToken(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "2024-10-21"} {
		s := llmtest.NewServer(t)
		n := 0
		token := func(ctx context.Context) (string, error) {
			n++
			if n == 3 {
				return "", errPlanted
			}
			return "token" + strings.Repeat("!", n), ctx.Err()
		}
		cfg := openai.AzureConfig{APIKey: "unused", Endpoint: s.URL, Deployment: "d", APIVersion: version}
		a, err := openai.NewAzure(cfg, 100, client(t))
		require.NoError(t, err)
		a.Token = token
		_, err = a.Generate(t.Context(), ask())
		require.NoError(t, err)
		_, err = drain(a, ask())
		require.NoError(t, err)
		for i, r := range s.Requests() {
			assert.Equal(t, []string{"Bearer token!", "Bearer token!!"}[i], r.Header.Get("Authorization"), "asked for each request")
			assert.NotContains(t, r.Header, "Api-Key")
		}
		_, err = a.Generate(t.Context(), ask())
		e := failure(t, err)
		assert.Equal(t, llm.KindUnavailable, e.Kind)
		assert.Equal(t, "token", e.Code)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = a.Generate(canceled, ask())
		assert.Equal(t, llm.KindCanceled, failure(t, err).Kind)
	}
}

func TestAzureConfig(t *testing.T) {
	t.Parallel()
	const k, e, d = "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT"
	for _, tt := range []struct {
		openai.AzureConfig
		configured bool
		problems   []string
	}{
		{openai.AzureConfig{}, false, nil},
		{openai.AzureConfig{APIVersion: "2024-10-21"}, false, nil},
		{openai.AzureConfig{APIKey: key, Endpoint: "https://r.openai.azure.com", Deployment: "d"}, true, nil},
		{openai.AzureConfig{APIKey: key}, false, []string{d + " required", e + " required"}},
		{openai.AzureConfig{Endpoint: "https://r.openai.azure.com"}, false, []string{k + " required", d + " required"}},
		{openai.AzureConfig{Endpoint: "planted", Deployment: "d", APIKey: key}, true, []string{e + " url"}},
	} {
		var problems []string
		tt.Validate(func(variable, rule, message string) {
			problems = append(problems, variable+" "+rule)
			assert.NotContains(t, message, "planted")
		})
		slices.Sort(problems)
		assert.Equal(t, tt.problems, problems)
		assert.Equal(t, tt.configured, tt.Configured())
	}
	_, err := openai.NewAzure(openai.AzureConfig{Endpoint: "http://planted.com"}, 1, http.DefaultClient)
	require.ErrorContains(t, err, "must be https")
	assert.NotContains(t, err.Error(), "planted")
}
