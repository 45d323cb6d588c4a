package llm

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hints map codes, types or parts of messages to kinds. The first row that matches counts.
type hints []struct {
	kind  Kind
	texts []string
}

// find returns the kind of the first row with a text that matches, or "".
func (h hints) find(matches func(text string) bool) Kind {
	for _, row := range h {
		if slices.ContainsFunc(row.texts, matches) {
			return row.kind
		}
	}
	return ""
}

// specific has codes and types that determine the kind.
var specific = hints{
	{KindQuota, []string{ // Before the rate limits, with which it may come.
		"insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded", // OpenAI
		"project_spend_limit_exceeded", "organization_usage_limit_exceeded", "billing_not_active",
		"billing_error", "enforced_spend_limit_reached", "contract_spend_limit_reached", // Anthropic
	}},
	{KindRateLimit, []string{
		"rate_limit_exceeded", "slow_down", "rate_limit_error", // OpenAI, Anthropic
		"ratelimitreached", "too_many_requests", // Azure
	}},
	{KindOverloaded, []string{"server_is_overloaded", "overloaded_error", "nocapacity"}}, // OpenAI, Anthropic, Azure
	{KindUnavailable, []string{"timeout_error"}},                                         // Anthropic: its own time limit
	{KindRegion, []string{"unsupported_country_region_territory"}},                       // OpenAI
	{KindAuth, []string{
		"invalid_api_key", "account_deactivated", "organization_on_hold", // OpenAI
		"authentication_error", "permission_error", // Anthropic
	}},
	{KindModelNotFound, []string{"model_not_found", "deploymentnotfound", "not_found_error"}}, // OpenAI, Azure, Anthropic
	{KindContextLength, []string{
		"context_length_exceeded", "exceed_context_size_error", "request_too_large", // OpenAI, llama.cpp, Anthropic
	}},
	{KindContentFilter, []string{
		"content_policy_violation", "content_filter", "responsibleaipolicyviolation", // OpenAI, then Azure
	}},
}

// phrases are parts of messages whose code or type does not determine the kind.
var phrases = hints{
	{KindQuota, []string{"credit balance is too low", "exceeded your current quota"}}, // Anthropic, OpenAI
	{KindContextLength, []string{
		"prompt is too long", "exceed context limit", // Anthropic; the second with max_tokens
		"exceeds the context length", "maximum context length", // Ollama, servers compatible with OpenAI
	}},
	{KindContentFilter, []string{"blocked by content filtering", "violating our usage policy"}}, // Anthropic, OpenAI
	{KindUnsupported, []string{"does not support tools", "is missing data required for image"}}, // Ollama
}

// general has types that are less than the status, for errors in a stream, whose status is 200.
var general = hints{
	{KindUnavailable, []string{"server_error", "api_error"}}, // OpenAI, Anthropic
	{KindInvalidRequest, []string{"invalid_request_error"}},
}

// Classify returns the kind of an error: by its code and type, joined by a blank, then by known parts
// of its message, then by its status. A response without an error status and hint is Unavailable.
func Classify(status int, code, message string) Kind {
	codes := strings.Fields(strings.ToLower(code))
	message = strings.ToLower(message)
	inCodes := func(text string) bool { return slices.Contains(codes, text) }
	inMessage := func(text string) bool { return strings.Contains(message, text) }
	kind := cmp.Or(specific.find(inCodes), phrases.find(inMessage))
	if kind == "" && status < http.StatusBadRequest {
		kind = general.find(inCodes)
		// A gateway may send the status of an error in a stream as its code.
		for _, c := range codes {
			if n, err := strconv.Atoi(c); err == nil {
				status = n
			}
		}
	}
	return cmp.Or(kind, ofStatus(status))
}

// statusOverloaded and statusClientClosed have no name in HTTP.
const (
	statusClientClosed = 499 // Ollama
	statusOverloaded   = 529 // Anthropic
)

func ofStatus(status int) Kind {
	switch status {
	case http.StatusPaymentRequired:
		return KindQuota
	case http.StatusTooManyRequests:
		return KindRateLimit
	case http.StatusServiceUnavailable, statusOverloaded:
		return KindOverloaded
	case http.StatusRequestTimeout, http.StatusConflict, statusClientClosed:
		return KindUnavailable
	case http.StatusUnauthorized, http.StatusForbidden:
		return KindAuth
	case http.StatusNotFound, http.StatusGone:
		return KindModelNotFound
	case http.StatusRequestEntityTooLarge:
		return KindContextLength
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return KindInvalidRequest
	default:
		if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
			return KindUnknown
		}
		return KindUnavailable
	}
}
