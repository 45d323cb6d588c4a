package llm

import (
	"context"

	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Observer receives the events of a Chain, for logs, metrics and spans. Its methods are called in the
// goroutine of the request. They get neither prompts nor answers.
type Observer interface {
	// AttemptStarted is called before an attempt. Those in replaced have failed, or were passed over,
	// since the attempt before. The context that it returns is that of the attempt and of AttemptEnded.
	AttemptStarted(ctx context.Context, a *Attempt, replaced []Attempt) context.Context

	// AttemptEnded is called once for each attempt, at the end of the stream if there is one. Without an
	// error it succeeded.
	AttemptEnded(ctx context.Context, a *Attempt, e *Error)
}

// logObserver logs the events <provider>_request, <provider>_response, <provider>_error, llm_fallback,
// llm_breaker_opened and llm_breaker_closed, and then calls the next Observer.
type logObserver struct {
	log   logging.Logger
	names map[string]eventNames // by provider
	next  Observer              // or nil
}

type eventNames struct{ request, response, failure string }

func newLogObserver(log logging.Logger, members []*member, next Observer) logObserver {
	l := logObserver{log, map[string]eventNames{}, next}
	for _, m := range members {
		p := m.attempt.Provider
		l.names[p] = eventNames{p + "_request", p + "_response", p + "_error"}
	}
	return l
}

// AttemptStarted implements [Observer].
func (l logObserver) AttemptStarted(ctx context.Context, a *Attempt, replaced []Attempt) context.Context {
	for _, from := range replaced {
		if from.Position != a.Position {
			l.log.Warn(ctx, "llm_fallback",
				logging.String("from", from.Provider), logging.String("from_model", from.Model),
				logging.String("to", a.Provider), logging.String("to_model", a.Model),
				logging.String("reason", string(from.Kind)))
		}
	}
	l.log.Info(ctx, l.names[a.Provider].request,
		logging.String("model", a.Model),
		logging.Int("prompt_length", a.PromptLength),
		logging.Int("fallback_index", a.Position),
		logging.Bool("stream", a.Streamed))
	if l.next != nil {
		ctx = l.next.AttemptStarted(ctx, a, replaced)
	}
	return ctx
}

// AttemptEnded implements [Observer]. That a caller cancels a request is no error.
func (l logObserver) AttemptEnded(ctx context.Context, a *Attempt, e *Error) {
	var space [16]logging.Field
	fields := append(space[:0],
		logging.String("model", a.Model),
		logging.Duration("duration_ms", a.Duration),
		logging.Int("fallback_index", a.Position))
	if a.RequestID != "" {
		fields = append(fields, logging.String("request_id", a.RequestID))
	}
	if a.FirstEvent > 0 {
		fields = append(fields, logging.Duration("ttft_ms", a.FirstEvent))
	}
	if a.Usage != (Usage{}) {
		fields = append(fields,
			logging.Int("tokens_used", a.Usage.Input+a.Usage.Output),
			logging.Int("tokens_input", a.Usage.Input),
			logging.Int("tokens_output", a.Usage.Output),
			logging.Float64("cost_usd", a.Cost.USD()))
		if a.Usage.Estimated {
			fields = append(fields, logging.Bool("usage_estimated", true))
		}
		if !a.CostKnown {
			fields = append(fields, logging.Bool("cost_known", false))
		}
	}
	if e == nil {
		l.log.Info(ctx, l.names[a.Provider].response, append(fields, logging.String("finish_reason", string(a.Finish)))...)
	} else {
		level := logrus.ErrorLevel
		if a.Kind == KindCanceled {
			level = logrus.InfoLevel
		}
		l.log.Log(ctx, level, l.names[a.Provider].failure, append(fields,
			logging.Err(e),
			logging.String("error_kind", string(a.Kind)),
			logging.Int("status", a.Status),
			logging.Bool("retryable", rules[a.Kind].retries > 0))...)
	}
	provider, model := logging.String("provider", a.Provider), logging.String("model", a.Model)
	if a.BreakerOpened > 0 {
		l.log.Warn(ctx, "llm_breaker_opened", provider, model,
			logging.String("reason", string(a.Kind)), logging.Duration("pause_ms", a.BreakerOpened))
	}
	if a.BreakerClosed {
		l.log.Warn(ctx, "llm_breaker_closed", provider, model)
	}
	if l.next != nil {
		l.next.AttemptEnded(ctx, a, e)
	}
}
