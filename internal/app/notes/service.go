package notes

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Service is what can be done with notes. Its methods act for the tenant and the principal of ctx.
type Service struct {
	pool  *db.Pool
	notes store
}

// NewService returns a service over the pool.
func NewService(pool *db.Pool) *Service { return &Service{pool: pool, notes: store{pool}} }

// Create stores a new note of the principal. With an idempotency key a repetition returns the note of the first request
// and true; an empty key means none.
func (s *Service) Create(ctx context.Context, by auth.Principal, d Draft, key string) (n Note, replayed bool, err error) {
	if err := d.validate(); err != nil {
		return n, false, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return n, false, errors.Internal(err, "make a note id")
	}
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		insert := func(ctx context.Context) (Note, error) { return s.notes.insert(ctx, id, by.TenantID, by.UserID, d) }
		if key == "" {
			n, err = insert(ctx)
			return err
		}
		k := idempotency.Key{Value: key, TenantID: by.TenantID, UserID: by.UserID, Operation: "create note"}
		n, replayed, err = idempotency.Do(ctx, s.pool, k, d, insert)
		return err
	})
	if err != nil {
		return n, false, err
	}
	if !replayed {
		log.Info(ctx, "note_created", logging.String("note_id", n.ID.String()))
	}
	return n, replayed, nil
}

// Get returns one note.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (n Note, err error) {
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		n, err = s.notes.get(ctx, id)
		return err
	})
	return n, err
}

// List returns a page of the notes that a filter leaves, newest first.
func (s *Service) List(ctx context.Context, f Filter, q paging.Query) (paging.Page[Note], error) {
	load := func(before uuid.UUID, limit int) (list []Note, err error) {
		err = s.pool.InTenant(ctx, func(ctx context.Context) error {
			list, err = s.notes.list(ctx, f, before, limit)
			return err
		})
		return list, err
	}
	return paging.Load(q, []string{f.Query, f.Tag}, func(n Note) uuid.UUID { return n.ID }, load)
}

// Matcher says whether an entity tag is one that a client has named as its precondition.
type Matcher interface{ Match(etag string) bool }

// Update changes a note whose entity tag matches. One that has changed since the client read it is a PRECONDITION_FAILED.
func (s *Service) Update(ctx context.Context, id uuid.UUID, c Changes, when Matcher) (n Note, err error) {
	if err := c.validate(); err != nil {
		return n, err
	}
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.lockMatching(ctx, id, when); err != nil {
			return err
		}
		n, err = s.notes.update(ctx, id, c)
		return err
	})
	return n, err
}

// Delete removes a note. A nil Matcher is no precondition.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, when Matcher) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if when != nil {
			if err := s.lockMatching(ctx, id, when); err != nil {
				return err
			}
		}
		return s.notes.delete(ctx, id)
	})
}

func (s *Service) lockMatching(ctx context.Context, id uuid.UUID, when Matcher) error {
	n, err := s.notes.lock(ctx, id)
	if err != nil {
		return err
	}
	if !when.Match(n.ETag()) {
		return errors.New(errors.CodePreconditionFailed, "")
	}
	return nil
}
