package llm

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind of a failure. It decides what a [Chain] does next.
type Kind string

// The kinds.
const (
	KindInvalidRequest Kind = "invalid_request"
	KindContextLength  Kind = "context_length"
	KindContentFilter  Kind = "content_filter"
	KindAuth           Kind = "auth"
	KindRegion         Kind = "region"
	KindQuota          Kind = "quota" // money or credit, not a rate
	KindModelNotFound  Kind = "model_not_found"
	KindRateLimit      Kind = "rate_limit"
	KindOverloaded     Kind = "overloaded"
	KindUnavailable    Kind = "unavailable"
	KindTimeout        Kind = "timeout"
	KindTruncated      Kind = "truncated" // the stream ended without saying that the answer is complete
	KindCanceled       Kind = "canceled"  // by the caller
	KindUnknown        Kind = "unknown"

	// Of the chain and the budget, which asked no provider.
	KindUnsupported Kind = "unsupported" // the model lacks a feature of the request
	KindCooldown    Kind = "cooldown"    // the provider failed a moment ago
	KindBudget      Kind = "budget"
)

// Error is the failure of a request. Its text has neither prompts, nor answers, nor text of a
// provider, which may quote both.
type Error struct {
	Kind       Kind
	Provider   string
	Model      string
	Status     int    // of HTTP; zero without a response
	Code       string // the provider's code or type of the error, a word
	RequestID  string
	RetryAfter time.Duration // as the provider asks for; zero if it does not
	Committed  bool          // events were given to the caller before
	Usage      Usage         // what was counted before the failure
	Attempts   []Attempt     // all attempts of a Chain
	Cost       Cost          // of all attempts
	Cause      error         // may quote prompts, answers and secrets: never log it
}

// Error names the provider, the kind, the status and the code, and the attempts before.
func (e *Error) Error() string {
	text := "llm: " + describe(e.Provider, e.Kind, e.Status)
	if e.Code != "" {
		text += ", code " + e.Code
	}
	if len(e.Attempts) > 1 || len(e.Attempts) == 1 && e.Provider == "" {
		var each []string
		for _, a := range e.Attempts {
			each = append(each, describe(a.Provider, a.Kind, a.Status))
		}
		text += " (attempts: " + strings.Join(each, "; ") + ")"
	}
	return text
}

func describe(provider string, kind Kind, status int) string {
	text := string(kind)
	if provider != "" {
		text = provider + ": " + text
	}
	if status != 0 {
		text += ", status " + strconv.Itoa(status)
	}
	return text
}

// Unwrap returns the error of a context for a timeout and a cancellation. It hides the Cause from
// logs, which write the text of all causes.
func (e *Error) Unwrap() error {
	switch e.Kind { //nolint:exhaustive // the others have none
	case KindCanceled:
		return context.Canceled
	case KindTimeout:
		return context.DeadlineExceeded
	}
	return nil
}
