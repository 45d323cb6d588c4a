package members

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// newcomer is the account of a new member: one that is there, or one to be made.
type newcomer struct {
	account.Account
	isNew bool
}

// Add makes the user with an email a member, and makes the account where there is none. Who is a member already, an account that
// nobody has verified, and a password for an account that is there, is a RESOURCE_CONFLICT.
func (s *Service) Add(ctx context.Context, by auth.Principal, a Addition) (m Member, err error) {
	if err := a.validate(); err != nil {
		return m, err
	}
	if err := mayGive(by, a.Role); err != nil { // before anything is told of the email, and before the cost of a hash
		return m, err
	}
	who, err := s.newcomer(ctx, by.TenantID, a)
	if err != nil {
		return m, err
	}
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.add(ctx, by, a, who); err != nil {
			return err
		}
		m, err = s.store.get(ctx, who.ID)
		return err
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

// newcomer hashes the password outside of the transaction, which it would hold up.
func (s *Service) newcomer(ctx context.Context, tenant uuid.UUID, a Addition) (n newcomer, err error) {
	n.Account, err = s.accounts.ByEmail(ctx, a.Email)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s.newAccount(ctx, tenant, a)
	case err != nil:
		return n, err
	case !n.TrustedIn(tenant):
		return n, errors.Conflict(notVerified).With("field", "email")
	case !a.Password.IsZero():
		return n, errors.Conflict(hasAccount).With("field", "password")
	}
	return n, nil
}

func (s *Service) newAccount(ctx context.Context, tenant uuid.UUID, a Addition) (n newcomer, err error) {
	if a.Password.IsZero() {
		return n, errors.Invalid("password", "required", needsPassword)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return n, errors.Internal(err, "make a user id")
	}
	hash, err := s.passwords.HashPassword(ctx, a.Password.Reveal())
	return newcomer{isNew: true, Account: account.Account{
		ID: id, Email: a.Email, DisplayName: a.DisplayName, PasswordHash: hash, CreatedIn: uuid.NullUUID{UUID: tenant, Valid: true},
	}}, err
}

func (s *Service) add(ctx context.Context, by auth.Principal, a Addition, who newcomer) error {
	l, err := s.store.lock(ctx, by.UserID)
	if err != nil {
		return err
	}
	if by, err = l.now(by); err != nil {
		return err
	}
	if err := mayGive(by, a.Role); err != nil {
		return err
	}
	if who.isNew {
		if err := s.accounts.Insert(ctx, who.Account); err != nil {
			return err
		}
	}
	if err := s.store.insert(ctx, by.TenantID, who.ID, a.Role); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Event: "member_added", TargetType: "user", TargetID: who.ID.String(),
		Details: map[string]any{"role": a.Role, "new_account": who.isNew},
	})
}
