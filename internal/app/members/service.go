package members

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Sessions makes the access tokens of a member stale, and ends their sessions, in the transaction of ctx.
type Sessions interface {
	Renew(ctx context.Context, userID uuid.UUID) error
	RevokeMember(ctx context.Context, userID uuid.UUID, reason string) error
}

// Recorder keeps the audit trail, as [audit.Recorder] does.
type Recorder interface {
	Record(ctx context.Context, e audit.Entry) error
}

// Passwords hashes passwords, as [auth.Passwords] does.
type Passwords interface {
	HashPassword(ctx context.Context, password string) (string, error)
}

// Options are what a [Service] needs; all of them are required.
type Options struct {
	Pool      *db.Pool
	Passwords Passwords
	Sessions  Sessions
	Audit     Recorder
}

// Service adds, shows, changes and removes the members of the tenant of ctx. It is safe for concurrent use.
type Service struct {
	pool      *db.Pool
	store     store
	accounts  account.Store
	passwords Passwords
	sessions  Sessions
	audit     Recorder
}

// NewService returns a service.
func NewService(o Options) *Service {
	return &Service{pool: o.Pool, store: store{o.Pool}, accounts: account.NewStore(o.Pool), passwords: o.Passwords, sessions: o.Sessions, audit: o.Audit}
}

// Get returns a member.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (m Member, err error) {
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		m, err = s.store.get(ctx, id)
		return err
	})
	return m, err
}

// List returns a page of the members, the newest account first.
func (s *Service) List(ctx context.Context, q paging.Query) (paging.Page[Member], error) {
	load := func(before uuid.UUID, limit int) (list []Member, err error) {
		err = s.pool.InTenant(ctx, func(ctx context.Context) error {
			list, err = s.store.list(ctx, before, limit)
			return err
		})
		return list, err
	}
	return paging.Load(q, nil, func(m Member) uuid.UUID { return m.ID }, load)
}

// Change gives a member another role. The access tokens with the old one are stale from the commit on. The role that the
// member has already changes nothing.
func (s *Service) Change(ctx context.Context, by auth.Principal, id uuid.UUID, c Change) (m Member, err error) {
	if err := c.validate(); err != nil {
		return m, err
	}
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.change(ctx, by, id, c.Role); err != nil {
			return err
		}
		m, err = s.store.get(ctx, id)
		return err
	})
	return m, err
}

func (s *Service) change(ctx context.Context, by auth.Principal, id uuid.UUID, role auth.Role) error {
	l, by, old, err := s.locked(ctx, by, id)
	if err != nil || old == role {
		return err
	}
	if err := l.mayChange(by, id, old, role); err != nil {
		return err
	}
	if err := s.store.setRole(ctx, id, role); err != nil {
		return err
	}
	if err := s.sessions.Renew(ctx, id); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Event: "member_role_changed", TargetType: "user", TargetID: id.String(), Details: map[string]any{"from": old, "to": role},
	})
}

// Remove ends a membership, with the sessions and the API keys of the member in the tenant. Everybody may remove themselves.
func (s *Service) Remove(ctx context.Context, by auth.Principal, id uuid.UUID) error {
	if id != by.UserID && !access.Policy.Allows(by, access.UsersWrite) { // before anything is told of the id
		return errors.PermissionDenied(string(access.UsersWrite))
	}
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		l, by, role, err := s.locked(ctx, by, id)
		if err != nil {
			return err
		}
		if err := l.mayRemove(by, id, role); err != nil {
			return err
		}
		if err := s.sessions.RevokeMember(ctx, id, "member_removed"); err != nil {
			return err
		}
		if err := s.store.delete(ctx, id); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Event: "member_removed", TargetType: "user", TargetID: id.String(), Details: map[string]any{"role": role},
		})
	})
}

// locked returns what a change of a member is judged by: the principal and the member in the roles that they have, and keep.
func (s *Service) locked(ctx context.Context, by auth.Principal, id uuid.UUID) (locked, auth.Principal, auth.Role, error) {
	l, err := s.store.lock(ctx, by.UserID, id)
	if err != nil {
		return l, by, "", err
	}
	if by, err = l.now(by); err != nil {
		return l, by, "", err
	}
	role, ok := l.roles[id]
	if !ok {
		return l, by, "", errors.NotFound("user", id)
	}
	return l, by, role, nil
}
