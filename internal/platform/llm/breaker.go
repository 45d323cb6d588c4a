package llm

import (
	"cmp"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	rateLimitPause = time.Second     // without a Retry-After
	longPause      = 5 * time.Minute // after failures that an operator must fix
	maxPause       = 5 * time.Minute // bounds Retry-After
)

// effect is what the end of an attempt means for a breaker.
type effect uint8

const (
	excluded effect = iota // nothing
	succeeds
	counts
	opens // at once: an operator must fix it, or the provider wants to be left alone
)

// breaker keeps requests from a model that fails. It opens after a number of failures in a row, or
// at once, see [opens]. When the pause is over, one request, the probe, shows whether the model works
// again.
//
// gobreaker counts and admits the probe. It cannot open for a given time, so its own timeout is a
// nanosecond, and until decides.
type breaker struct {
	circuit  *gobreaker.TwoStepCircuitBreaker[struct{}]
	cooldown time.Duration

	mu     sync.Mutex
	effect effect    // of the attempt that is being reported
	until  time.Time // zero if the breaker is closed
	asked  bool      // for until by the provider
}

func newBreaker(threshold int, cooldown time.Duration) *breaker {
	b := &breaker{cooldown: cooldown}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      time.Nanosecond,
		IsExcluded:   func(error) bool { return b.effect == excluded },
		IsSuccessful: func(error) bool { return b.effect == succeeds },
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return b.effect == opens || int(c.ConsecutiveFailures) >= threshold
		},
	})
	return b
}

// ticket reports to gobreaker how an attempt ended. It is nil for an attempt that does not count.
type ticket func(error)

// pause returns how long the model is not to be asked, and whether the provider asked for that.
func (b *breaker) pause() (left time.Duration, asked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return 0, b.asked
	}
	return max(0, time.Until(b.until)), b.asked
}

// allow admits an attempt, unless there is a pause or a probe is under way. With force it always does,
// because there is no other model; such an attempt counts only if it is the probe.
func (b *breaker) allow(force bool) (ticket, bool) {
	if left, _ := b.pause(); left > 0 && !force {
		return nil, false
	}
	done, err := b.circuit.Allow()
	return done, force || err == nil
}

// report takes the outcome of an attempt, nil for success. It returns for how long that has opened the
// breaker, or whether it has closed it.
func (b *breaker) report(done ticket, e *Error) (opened time.Duration, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	pause, asked := b.cooldown, false
	b.effect = succeeds
	if e != nil {
		b.effect = rules[e.Kind].breaker
		switch {
		case b.effect == excluded:
		case e.RetryAfter > 0 || e.Kind == KindRateLimit:
			b.effect, pause, asked = opens, min(cmp.Or(e.RetryAfter, rateLimitPause), maxPause), true
		case b.effect == opens:
			pause = max(longPause, b.cooldown)
		}
	}
	if done != nil {
		done(nil)
	}
	wasOpen := !b.until.IsZero()
	if b.circuit.State() == gobreaker.StateClosed {
		b.until = time.Time{}
		return 0, wasOpen
	}
	if until := time.Now().Add(pause); b.effect >= counts && until.After(b.until) {
		b.until, b.asked = until, asked
	}
	if wasOpen {
		pause = 0
	}
	return pause, false
}
