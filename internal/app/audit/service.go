package audit

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// Service reads the trail of the tenant of ctx. It is safe for concurrent use.
type Service struct {
	pool  *db.Pool
	trail store
}

// NewService returns a service over the pool.
func NewService(pool *db.Pool) *Service { return &Service{pool: pool, trail: store{pool}} }

// List returns a page of at most limit entries, newest first, from cursor on; an empty cursor is the beginning.
func (s *Service) List(ctx context.Context, f Filter, cursor string, limit int) (page Page, err error) {
	var before uuid.UUID
	if cursor != "" {
		if before, err = decodeCursor(cursor, f); err != nil {
			return page, err
		}
	}
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		page.Items, err = s.trail.list(ctx, f, before, limit+1) // one more tells whether there is a next page
		return err
	})
	if err != nil {
		return Page{}, err
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		next := encodeCursor(page.Items[limit-1].ID, f)
		page.NextCursor = &next
	}
	return page, nil
}
