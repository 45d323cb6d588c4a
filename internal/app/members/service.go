package members

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Sessions is implemented by session.Service. Its methods take part in the transaction of ctx.
type Sessions interface {
	Renew(ctx context.Context, userID uuid.UUID) error // access tokens with the old role become invalid
	RevokeMember(ctx context.Context, by auth.Principal, userID uuid.UUID, reason string) error
}

// Passwords is implemented by [auth.Passwords].
type Passwords interface {
	HashPassword(ctx context.Context, password string) (string, error)
}

// Service manages the members of the tenant of ctx. It is safe for concurrent use.
type Service struct {
	pool      *db.Pool
	store     Store
	accounts  account.Store
	passwords Passwords
	sessions  Sessions
	audit     audit.Recorder
}

// NewService returns a service.
func NewService(pool *db.Pool, passwords Passwords, sessions Sessions, recorder audit.Recorder) *Service {
	return &Service{pool, NewStore(pool), account.NewStore(pool), passwords, sessions, recorder}
}

// Get returns a member.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Member, error) {
	return s.store.get(ctx, id)
}

// List returns a page of the members, the newest first.
func (s *Service) List(ctx context.Context, q paging.Query) (paging.Page[Member], error) {
	load := func(after paging.Position, limit int) ([]Member, error) {
		return s.store.list(ctx, after, limit)
	}
	position := func(m Member) paging.Position { return paging.Position{Time: m.CreatedAt, ID: m.ID} }
	return paging.Load(q, nil, position, load)
}

// Update changes the role of a member. The member's access tokens become invalid at the commit,
// unless the role is the same.
func (s *Service) Update(ctx context.Context, by auth.Principal, id uuid.UUID, r UpdateRequest) (Member, error) {
	if err := r.validate(); err != nil {
		return Member{}, err
	}
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (Member, error) {
		if err := s.updateRole(ctx, by, id, r.Role); err != nil {
			return Member{}, err
		}
		return s.store.get(ctx, id)
	})
}

func (s *Service) updateRole(ctx context.Context, by auth.Principal, id uuid.UUID, role auth.Role) error {
	by, current, err := s.lock(ctx, by, id)
	switch {
	case err != nil:
		return err
	case current.Member == "":
		return errors.NotFound("user", id)
	case current.Member == role:
		return nil
	}
	if err := current.mayUpdate(by, id, role); err != nil {
		return err
	}
	if err := s.store.updateRole(ctx, id, role); err != nil {
		return err
	}
	if err := s.sessions.Renew(ctx, id); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Event: "member_role_changed", TargetType: "user", TargetID: id.String(),
		Details: map[string]any{"from": current.Member, "to": role},
	})
}

// Delete removes a member, with the member's sessions and API keys in the tenant. Everybody may
// remove themselves.
func (s *Service) Delete(ctx context.Context, by auth.Principal, id uuid.UUID) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		by, current, err := s.lock(ctx, by, id)
		if err != nil {
			return err
		}
		// Checked first, so that the error does not reveal whether id is a member.
		if err := current.mayDelete(by, id); err != nil {
			return err
		}
		if current.Member == "" {
			return errors.NotFound("user", id)
		}
		return s.remove(ctx, by, id, current.Member, "")
	})
}

// DeleteAccount removes a member of the tenant of ctx whose account an operator deletes. It returns
// RESOURCE_CONFLICT for the last owner, unless the tenant has no other member.
func (s *Service) DeleteAccount(ctx context.Context, id uuid.UUID) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.store.lockTenant(ctx); err != nil {
			return err
		}
		current, err := s.store.current(ctx, uuid.Nil, id)
		switch {
		case err != nil || current.Member == "":
			return err
		case current.Member == access.RoleOwner && current.Owners == 1 && current.Members > 1:
			return errLastOwner()
		}
		return s.remove(ctx, auth.Principal{}, id, current.Member, "account_deleted")
	})
}

// remove deletes a member. The reason is for the audit trail.
func (s *Service) remove(ctx context.Context, by auth.Principal, id uuid.UUID, role auth.Role, reason string) error {
	if err := s.sessions.RevokeMember(ctx, by, id, cmp.Or(reason, "member_removed")); err != nil {
		return err
	}
	if err := s.store.delete(ctx, id); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Event: "member_removed", TargetType: "user", TargetID: id.String(), Reason: reason,
		Details: map[string]any{"role": role},
	})
}

// lock starts a change of the tenant's members: others wait until the transaction ends. It returns
// the principal with its current role, which may differ from the one in its token, and the roles
// that the change depends on.
func (s *Service) lock(ctx context.Context, by auth.Principal, member uuid.UUID) (auth.Principal, current, error) {
	if err := s.store.lockTenant(ctx); err != nil {
		return by, current{}, err
	}
	c, err := s.store.current(ctx, by.UserID, member)
	if err == nil && c.Principal == "" {
		err = errors.New(errors.CodeTenantAccessDenied, "")
	}
	by.Roles = []auth.Role{c.Principal}
	return by, c, err
}

// Create adds the user with an email as a member, and creates the account if there is none. It
// returns RESOURCE_CONFLICT for a user who is a member already, for an account that the tenant may
// not trust, and for a password if there is an account.
func (s *Service) Create(ctx context.Context, by auth.Principal, r CreateRequest) (Member, error) {
	if err := r.validate(); err != nil {
		return Member{}, err
	}
	// Checked before the lookup, which reveals whether the email has an account, and before the
	// expensive hash.
	if err := mayAssign(by, r.Role); err != nil {
		return Member{}, err
	}
	a, hash, err := s.account(ctx, by.TenantID, r)
	if err != nil {
		return Member{}, err
	}
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (Member, error) {
		if err := s.add(ctx, by, a, hash, r.Role); err != nil {
			return Member{}, err
		}
		return s.store.get(ctx, a.ID)
	})
}

// account returns the account of a new member. If it is not in the database yet, it comes with the
// hash of its password. account runs outside of the transaction, because hashing takes long.
func (s *Service) account(
	ctx context.Context, tenant uuid.UUID, r CreateRequest,
) (a account.Account, newHash string, err error) {
	a, err = s.accounts.ByEmail(ctx, r.Email)
	switch {
	case err == nil && !a.TrustedIn(tenant):
		return a, "", errors.Conflict("The email has an account whose email is not verified").With("field", "email")
	case err == nil && !r.Password.IsZero():
		return a, "", errors.Conflict("The email already has an account: omit the password").With("field", "password")
	case !errors.Is(err, sql.ErrNoRows): // found, or failed
		return a, "", err
	case r.Password.IsZero():
		return a, "", errors.Invalid("password", "required", "is required for an email that has no account")
	}
	newHash, err = s.passwords.HashPassword(ctx, r.Password.Reveal())
	return account.New(tenant, r.Email, r.DisplayName), newHash, err
}

func (s *Service) add(
	ctx context.Context, by auth.Principal, a account.Account, newHash string, role auth.Role,
) error {
	by, _, err := s.lock(ctx, by, a.ID)
	if err != nil {
		return err
	}
	if err := mayAssign(by, role); err != nil {
		return err
	}
	if newHash != "" {
		if err := s.accounts.Insert(ctx, a, newHash); err != nil {
			return err
		}
	}
	if err := s.store.Insert(ctx, by.TenantID, a.ID, role); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Event: "member_added", TargetType: "user", TargetID: a.ID.String(),
		Details: map[string]any{"role": role, "new_account": newHash != ""},
	})
}
