package members

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// newcomer is the account of a new member: one that is there, or one to be made.
type newcomer struct {
	id   uuid.UUID
	hash string // of the password of an account to be made; "" for one that is there
}

// Add makes the user with an email a member, and makes the account where there is none. Who is a member already, and a
// password for an account that is there, is a RESOURCE_CONFLICT.
func (s *Service) Add(ctx context.Context, by auth.Principal, a Addition) (m Member, err error) {
	if err := a.validate(); err != nil {
		return m, err
	}
	if err := mayGive(by, a.Role); err != nil { // before anything is told of the email, and before the cost of a hash
		return m, err
	}
	who, err := s.newcomer(ctx, a)
	if err != nil {
		return m, err
	}
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.add(ctx, by, a, who); err != nil {
			return err
		}
		m, err = s.store.get(ctx, who.id)
		return err
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

// newcomer hashes the password outside of the transaction, which it would hold up.
func (s *Service) newcomer(ctx context.Context, a Addition) (n newcomer, err error) {
	id, known, err := s.store.account(ctx, a.Email)
	switch {
	case err != nil:
		return n, err
	case known && !a.Password.IsZero():
		return n, errors.Conflict(hasAccount).With("field", "password")
	case known:
		return newcomer{id: id}, nil
	case a.Password.IsZero():
		return n, errors.Invalid("password", "required", needsPassword)
	}
	if n.id, err = uuid.NewV7(); err != nil {
		return n, errors.Internal(err, "make a user id")
	}
	n.hash, err = s.passwords.HashPassword(ctx, a.Password.Reveal())
	return n, err
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
	if who.hash != "" {
		if err := s.store.insertAccount(ctx, who.id, a, who.hash); err != nil {
			return err
		}
	}
	if err := s.store.insert(ctx, by.TenantID, who.id, a.Role); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Event: "member_added", TargetType: "user", TargetID: who.id.String(),
		Details: map[string]any{"role": a.Role, "new_account": who.hash != ""},
	})
}
