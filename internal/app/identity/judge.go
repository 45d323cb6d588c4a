package identity

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// candidate is whom credentials are about: an account and the tenant it would enter, as far as there are any.
type candidate struct {
	account.Account
	tenant uuid.UUID // that would be entered; zero: none
	home   uuid.UUID // whose trail a failure is in: that tenant, else the one joined first; zero: none
	known  bool
}

// judge says whether the credentials are right. After an error they are [unjudged].
func (s *Service) judge(ctx context.Context, c Credentials) (candidate, verdict, error) {
	who, err := s.candidate(ctx, c)
	if err != nil {
		return who, unjudged, err
	}
	ok, err := s.passes(ctx, &who, c)
	switch {
	case err != nil:
		return who, unjudged, err
	case ok:
		return who, right, nil
	default:
		return who, wrong, nil
	}
}

// candidate asks as much of the database for an email that nobody has as for any other.
func (s *Service) candidate(ctx context.Context, c Credentials) (who candidate, err error) {
	who.Account, err = s.accounts.ByEmail(ctx, c.Email)
	who.known = err == nil
	if errors.Is(err, sql.ErrNoRows) {
		who.ID, err = uuid.NewRandom() // nobody's
	}
	if err != nil {
		return who, err
	}
	err = s.pool.InTx(db.WithUser(ctx, who.ID), func(ctx context.Context) error {
		home, err := s.store.membership(ctx, who.ID, c.TenantID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		who.home = home
		if c.TenantID == uuid.Nil || c.TenantID == home {
			who.tenant = home
		}
		return err
	})
	return who, err
}

// passes checks the password, at the same cost where there is none to check against. A hash that was made at another cost is
// replaced.
func (s *Service) passes(ctx context.Context, who *candidate, c Credentials) (bool, error) {
	if !who.known {
		return false, s.passwords.Dummy(ctx, c.Password.Reveal())
	}
	ok, outdated, err := s.passwords.VerifyPassword(ctx, who.PasswordHash, c.Password.Reveal())
	if err != nil || !ok || !outdated {
		return ok, err
	}
	hash, err := s.passwords.HashPassword(ctx, c.Password.Reveal())
	if err != nil {
		return false, err
	}
	replaced, err := s.accounts.SetPasswordHash(ctx, who.Account, hash)
	if replaced {
		who.PasswordHash = hash
	}
	return true, err
}
