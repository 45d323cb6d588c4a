package apikeys

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	maxPending   = 1024            // keys whose use waits to be written down; more are noted at their next use
	noteTimeout  = 5 * time.Second // for one of them
	flushTimeout = 5 * time.Second // for all of them, at the end
)

// usage is the keys that have been used and the tenant of each. A key that is used often is in it once.
type usage struct {
	mu      sync.Mutex
	pending map[uuid.UUID]uuid.UUID
	some    chan struct{} // has room for one signal
}

func newUsage() *usage {
	return &usage{pending: map[uuid.UUID]uuid.UUID{}, some: make(chan struct{}, 1)}
}

// note never waits for the database.
func (u *usage) note(key auth.APIKey) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.pending) >= maxPending {
		return
	}
	u.pending[key.ID()] = key.TenantID()
	select {
	case u.some <- struct{}{}:
	default:
	}
}

func (u *usage) take() map[uuid.UUID]uuid.UUID {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.pending
	u.pending = map[uuid.UUID]uuid.UUID{}
	return taken
}

// Run writes down when keys were last used, until ctx ends; then what is left, for [flushTimeout] at most, and returns.
// Requests do not wait for it. Without it keys work, and their last_used_at stays null.
func (s *Service) Run(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(flushTimeout, cancel) })()
	for ctx.Err() == nil {
		select {
		case <-s.used.some:
			s.noteAll(work)
		case <-ctx.Done():
		}
	}
	s.noteAll(work)
}

// noteAll forgets a use that cannot be written down: there will be another.
func (s *Service) noteAll(ctx context.Context) {
	var failed int
	var first error
	for key, tenant := range s.used.take() {
		if err := s.noteOne(ctx, tenant, key); err != nil {
			if failed++; first == nil {
				first = err
			}
		}
	}
	if failed > 0 {
		log.Warn(ctx, "api_key_use_not_noted", logging.Int("keys", failed), logging.Err(first))
	}
}

func (s *Service) noteOne(ctx context.Context, tenant, key uuid.UUID) error {
	ctx, cancel := context.WithTimeout(db.WithTenant(ctx, tenant), noteTimeout)
	defer cancel()
	return s.pool.InTenant(ctx, func(ctx context.Context) error { return s.keys.used(ctx, key) })
}
