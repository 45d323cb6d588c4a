package notes

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Service manages the notes of the tenant of ctx and records each change in the audit trail. It is
// safe for concurrent use.
type Service struct {
	pool  *db.Pool
	store store
	audit audit.Recorder
}

// NewService returns a service on pool.
func NewService(pool *db.Pool, recorder audit.Recorder) *Service {
	return &Service{pool, store{pool}, recorder}
}

// Create stores a note. p is its author. A request that repeats a key returns the note of the first
// request.
func (s *Service) Create(ctx context.Context, p auth.Principal, r CreateRequest, key idempotency.Key) (Note, error) {
	if err := r.validate(); err != nil {
		return Note{}, err
	}
	return idempotency.Do(ctx, s.pool, key, r, func(ctx context.Context) (Note, error) {
		n, err := s.store.insert(ctx, db.NewID(), p, r)
		if err != nil {
			return n, err
		}
		return n, s.record(ctx, "note_created", n.ID)
	})
}

// Get returns a note.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Note, error) {
	return s.store.get(ctx, id)
}

// List returns a page of the notes that f selects, newest first.
func (s *Service) List(ctx context.Context, f Filter, q paging.Query) (paging.Page[Note], error) {
	load := func(after paging.Position, limit int) ([]Note, error) {
		return s.store.list(ctx, f, after, limit)
	}
	position := func(n Note) paging.Position { return paging.Position{Time: n.CreatedAt, ID: n.ID} }
	return paging.Load(q, []string{f.Query, f.Tag}, position, load)
}

// Update changes a note. It returns PRECONDITION_FAILED if match lacks the current version.
func (s *Service) Update(ctx context.Context, id uuid.UUID, r UpdateRequest, match request.ETags) (Note, error) {
	if err := r.validate(); err != nil {
		return Note{}, err
	}
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (Note, error) {
		if err := s.lock(ctx, id, match); err != nil {
			return Note{}, err
		}
		n, err := s.store.update(ctx, id, r)
		if err != nil {
			return n, err
		}
		return n, s.record(ctx, "note_updated", id)
	})
}

// Delete deletes a note. match is as in [Service.Update].
func (s *Service) Delete(ctx context.Context, id uuid.UUID, match request.ETags) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, id, match); err != nil {
			return err
		}
		if err := s.store.delete(ctx, id); err != nil {
			return err
		}
		return s.record(ctx, "note_deleted", id)
	})
}

// lock locks the note until the transaction ends and checks its version.
func (s *Service) lock(ctx context.Context, id uuid.UUID, match request.ETags) error {
	version, err := s.store.lock(ctx, id)
	if err != nil {
		return err
	}
	return match.Check(version)
}

func (s *Service) record(ctx context.Context, event string, id uuid.UUID) error {
	return s.audit.Record(ctx, audit.Entry{Event: event, TargetType: "note", TargetID: id.String()})
}
