package llm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	type test struct {
		status        int
		code, message string
		want          Kind
	}
	tests := []test{
		// A code or type alone decides, whatever the status is.
		{429, "insufficient_quota insufficient_quota", "", KindQuota},
		{429, "credit_balance_exhausted", "", KindQuota},
		{429, "organization_spend_limit_exceeded", "", KindQuota},
		{429, "project_spend_limit_exceeded", "", KindQuota},
		{429, "organization_usage_limit_exceeded", "", KindQuota},
		{429, "billing_not_active", "", KindQuota},
		{402, "billing_error", "", KindQuota},
		{429, "enforced_spend_limit_reached rate_limit_error", "", KindQuota}, // not a rate limit
		{429, "contract_spend_limit_reached rate_limit_error", "", KindQuota},
		{400, "organization_on_hold invalid_request_error", "", KindAuth},
		{200, "rate_limit_exceeded tokens", "", KindRateLimit},
		{503, "slow_down", "", KindRateLimit},
		{200, "rate_limit_error", "", KindRateLimit},
		{200, "RateLimitReached", "", KindRateLimit},
		{200, "too_many_requests", "", KindRateLimit},
		{200, "server_is_overloaded", "", KindOverloaded},
		{200, "overloaded_error", "", KindOverloaded},
		{429, "NoCapacity", "", KindOverloaded},
		{400, "timeout_error", "", KindUnavailable},
		{403, "unsupported_country_region_territory request_forbidden", "", KindRegion},
		{200, "invalid_api_key", "", KindAuth},
		{200, "account_deactivated", "", KindAuth},
		{200, "authentication_error", "", KindAuth},
		{200, "permission_error", "", KindAuth},
		{403, "model_not_found invalid_request_error", "", KindModelNotFound},
		{400, "DeploymentNotFound", "", KindModelNotFound},
		{200, "not_found_error", "", KindModelNotFound},
		{400, "context_length_exceeded invalid_request_error", "", KindContextLength},
		{400, "exceed_context_size_error", "", KindContextLength},
		{200, "request_too_large", "", KindContextLength},
		{400, "content_policy_violation", "", KindContentFilter},
		{400, "content_filter", "", KindContentFilter},
		{400, "ResponsibleAIPolicyViolation", "", KindContentFilter},

		// Messages.
		{400, "invalid_request_error", "Your credit balance is too low to access the API.", KindQuota},
		{429, "", "You exceeded your current quota, please check your plan", KindQuota},
		{400, "invalid_request_error", "Prompt is too long: 200001 tokens > 200000 maximum", KindContextLength},
		{400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2", KindContextLength},
		{400, "", "the input length exceeds the context length", KindContextLength},
		{400, "BadRequestError", "This model's maximum context length is 4096 tokens.", KindContextLength},
		{400, "invalid_request_error", "Output blocked by content filtering policy", KindContentFilter},
		{400, "invalid_prompt", "flagged as potentially violating our usage policy", KindContentFilter},
		{400, "", "registry.ollama.ai/library/x does not support tools", KindUnsupported},
		{500, "", "this model is missing data required for image input", KindUnsupported},

		// Statuses; a code without a meaning of its own changes nothing.
		{400, "invalid_request_error", "", KindInvalidRequest},
		{422, "", "", KindInvalidRequest},
		{401, "", "", KindAuth},
		{403, "", "", KindAuth},
		{402, "", "", KindQuota},
		{404, "", "", KindModelNotFound},
		{410, "", "", KindModelNotFound},
		{413, "", "", KindContextLength},
		{429, "invalid_request_error", "", KindRateLimit},
		{408, "", "", KindUnavailable},
		{409, "", "", KindUnavailable},
		{499, "", "", KindUnavailable}, // the context tells whether the caller canceled
		{418, "", "", KindUnknown},
		{500, "api_error", "", KindUnavailable},
		{502, "", "", KindUnavailable},
		{503, "", "", KindOverloaded},
		{504, "", "", KindUnavailable},
		{529, "", "", KindOverloaded},
		{304, "", "", KindUnavailable},

		// Errors in a response that began well.
		{200, "", "", KindUnavailable},
		{200, "", "unexpected failure", KindUnavailable},
		{200, "server_error", "", KindUnavailable},
		{200, "api_error 400", "", KindUnavailable},
		{200, "invalid_request_error", "", KindInvalidRequest},
		{200, "429", "", KindRateLimit},
		{200, "502", "", KindUnavailable},
		{200, "200", "", KindUnavailable},
		{500, "429", "", KindUnavailable},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.code, tt.message), func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Classify(tt.status, tt.code, tt.message))
		})
	}
	for _, h := range slices.Concat(specific, general) {
		for _, text := range h.texts {
			assert.True(t, slices.ContainsFunc(tests, func(tt test) bool {
				first, _, _ := strings.Cut(strings.ToLower(tt.code), " ")
				return first == text && tt.want == h.kind
			}), "no test of %s", text)
		}
	}
	for _, h := range phrases {
		for _, text := range h.texts {
			assert.True(t, slices.ContainsFunc(tests, func(tt test) bool {
				return strings.Contains(strings.ToLower(tt.message), text) && tt.want == h.kind
			}), "no test of %s", text)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(200, "overloaded_error", "Overloaded")
	f.Add(429, "insufficient_quota 429", "")
	f.Fuzz(func(t *testing.T, status int, code, message string) {
		kind := Classify(status, code, message)
		if kind == "" || kind == KindCanceled || kind == KindTimeout || kind == KindTruncated {
			t.Errorf("Classify(%d, %q, %q) = %q", status, code, message, kind)
		}
	})
}
