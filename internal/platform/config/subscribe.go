package config

import (
	"context"
	"fmt"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

type subscriber struct {
	fn func(context.Context, Change)
}

// Subscribe has fn called after each reload that has changed a live variable, in the order of the subscriptions, and returns
// the function that ends that; a reload that is under way may still call it. fn may call [Get] and sees the new values; it
// must not call Reload, which would wait for fn. One that panics is logged, and keeps no other from being called.
func (s *Store) Subscribe(fn func(ctx context.Context, c Change)) (cancel func()) {
	one := &subscriber{fn}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, one)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.subscribers = slices.DeleteFunc(s.subscribers, func(other *subscriber) bool { return other == one })
	}
}

func (s *Store) tell(ctx context.Context, c Change) {
	if len(c.Changed) == 0 {
		return
	}
	s.mu.Lock()
	subscribers := slices.Clone(s.subscribers)
	s.mu.Unlock()
	for _, one := range subscribers {
		one.call(ctx, c)
	}
}

func (s *subscriber) call(ctx context.Context, c Change) {
	defer func() {
		if r := recover(); r != nil {
			log.Error(ctx, "config_subscriber_failed", logging.Err(fmt.Errorf("panic: %v", r)))
		}
	}()
	s.fn(ctx, c)
}
