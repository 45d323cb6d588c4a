// Package llm asks language models for answers. Its subpackages have the adapters of the providers.
//
//	chain, err := llm.NewChain(adapters, llm.ChainOptions{Config: cfg, Prices: prices, Log: log})
//	budget := &llm.Budget{Next: chain, Worst: chain.Worst, Ledger: ledger, Limit: limit}
//	for event, err := range budget.Stream(ctx, &llm.Request{Messages: messages}) {
//		…
//	}
//
// An adapter, a [Chain] and a [Budget] are all Providers: code that needs answers takes a [Provider].
//
// # Chain
//
// A Chain asks its models in their order. The [Kind] of a failure decides whether the next model is
// asked, whether the same one is asked again, and whether that counts for its breaker: see the table
// of rules in chain.go. A request that is too long goes on only to a model with a larger window.
//
// Models that lack a feature of the request, or whose breaker is open, are passed over. A model is
// asked again only if no other is left: after the pause that it names, if that is at most 30 s, or
// after a random one. LLM_MAX_ATTEMPTS bounds the attempts at all models together. Nothing follows
// after the caller got an event of a stream.
//
// A breaker opens for LLM_BREAKER_COOLDOWN after LLM_BREAKER_THRESHOLD failures in a row, and at once
// for a failure with Retry-After, or for five minutes after one that an operator must fix. Afterwards
// one request, the probe, closes it or opens it again. If the breakers of all models are open, the one
// that closes first is asked all the same, unless its provider has said when to come back.
//
// Of the time of its caller, an attempt gets an equal share with the models that follow, and no
// attempt begins in the last second. A stream has LLM_FIRST_TOKEN_TIMEOUT until its first event, then
// LLM_IDLE_TIMEOUT from event to event, and ends after ten minutes. Another answer has
// LLM_REQUEST_TIMEOUT.
//
// An error is an [errors.Error] with a code LLM_… for clients, and the attempts in its details. It
// wraps an [*Error] with all that is known. If all attempts failed for the same reason the code is
// that of the reason, otherwise LLM_UNAVAILABLE. The cause of a failure may quote prompts and keys, so
// nothing prints it.
//
// A provider may charge for an attempt that timed out, was canceled or cut off. Where it has not
// counted the tokens, the chain estimates them: the prompt, with what has arrived of a stream, or with
// the longest answer where none has. A [Budget] reserves the cost of a request before and records what
// its attempts did cost.
//
// The log has the events <provider>_request, <provider>_response and <provider>_error of attempts, and
// llm_fallback, llm_breaker_opened and llm_breaker_closed. An [Observer] gets the same for metrics and
// spans.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors, internal/platform/logging, internal/platform/config,
// internal/platform/env/dotenv, internal/platform/env/spelling and internal/platform/env/strength. It
// imports google/uuid, logrus and gobreaker, and each adapter the client of its provider; its tests
// import testify and goleak.
package llm
