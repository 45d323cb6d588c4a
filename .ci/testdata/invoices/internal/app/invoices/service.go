package invoices

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Service manages the invoices of the tenant of ctx and records each change in the audit trail. It is
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

// Create stores an invoice. A number that the tenant has used is a RESOURCE_CONFLICT. A request that
// repeats a key returns the invoice of the first request.
func (s *Service) Create(ctx context.Context, p auth.Principal, r CreateRequest, key idempotency.Key) (Invoice, error) {
	if err := r.validate(); err != nil {
		return Invoice{}, err
	}
	return idempotency.Do(ctx, s.pool, key, r, func(ctx context.Context) (Invoice, error) {
		i, err := s.store.insert(ctx, db.NewID(), p.TenantID, r)
		if err != nil {
			return i, err
		}
		return i, s.record(ctx, "invoice_created", i)
	})
}

// Get returns an invoice.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Invoice, error) {
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (Invoice, error) { return s.store.get(ctx, id) })
}

// List returns a page of the invoices that f selects, newest first.
func (s *Service) List(ctx context.Context, f Filter, q paging.Query) (paging.Page[Invoice], error) {
	load := func(after paging.Position, limit int) ([]Invoice, error) {
		return db.InTenant(ctx, s.pool, func(ctx context.Context) ([]Invoice, error) {
			return s.store.list(ctx, f, after, limit)
		})
	}
	filter := []string{string(f.Status), f.Currency, f.Customer}
	position := func(i Invoice) paging.Position { return paging.Position{Time: i.CreatedAt, ID: i.ID} }
	return paging.Load(q, filter, position, load)
}

// Update changes an invoice. It returns PRECONDITION_FAILED if match lacks the current version, and
// RESOURCE_CONFLICT for an invoice that is paid or void.
func (s *Service) Update(ctx context.Context, id uuid.UUID, r UpdateRequest, match request.ETags) (Invoice, error) {
	if err := r.validate(); err != nil {
		return Invoice{}, err
	}
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (Invoice, error) {
		if _, err := s.lock(ctx, id, match); err != nil {
			return Invoice{}, err
		}
		i, err := s.store.update(ctx, id, r)
		if err != nil {
			return i, err
		}
		return i, s.record(ctx, "invoice_updated", i)
	})
}

// Delete deletes an invoice. match is as in [Service.Update].
func (s *Service) Delete(ctx context.Context, id uuid.UUID, match request.ETags) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		i, err := s.lock(ctx, id, match)
		if err != nil {
			return err
		}
		if err := s.store.delete(ctx, id); err != nil {
			return err
		}
		return s.record(ctx, "invoice_deleted", i)
	})
}

// lock locks the invoice until the transaction ends, and checks its version and that it can be changed.
func (s *Service) lock(ctx context.Context, id uuid.UUID, match request.ETags) (Invoice, error) {
	i, err := s.store.lock(ctx, id)
	if err != nil {
		return i, err
	}
	if err := match.Check(i.Version); err != nil {
		return i, err
	}
	if i.final() {
		return i, errors.Conflict("The invoice is " + string(i.Status) + " and cannot be changed")
	}
	return i, nil
}

func (s *Service) record(ctx context.Context, event string, i Invoice) error {
	return s.audit.Record(ctx, audit.Entry{
		Event: event, TargetType: "invoice", TargetID: i.ID.String(),
		Details: map[string]any{"number": i.Number, "status": i.Status},
	})
}
