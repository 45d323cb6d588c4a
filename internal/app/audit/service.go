package audit

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// Service reads the trail of the tenant of ctx. It is safe for concurrent use.
type Service struct {
	pool  *db.Pool
	trail store
}

// NewService returns a service over the pool.
func NewService(pool *db.Pool) *Service { return &Service{pool: pool, trail: store{pool}} }

// List returns a page of the entries that a filter leaves, newest first.
func (s *Service) List(ctx context.Context, f Filter, q paging.Query) (paging.Page[Event], error) {
	load := func(before uuid.UUID, limit int) (list []Event, err error) {
		err = s.pool.InTenant(ctx, func(ctx context.Context) error {
			list, err = s.trail.list(ctx, f, before, limit)
			return err
		})
		return list, err
	}
	return paging.Load(q, f.values(), func(e Event) uuid.UUID { return e.ID }, load)
}
