package identity

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// PasswordChange is what a user says who wants another password.
type PasswordChange struct {
	Current logging.Secret `json:"current_password"`
	New     logging.Secret `json:"new_password"`
}

func (c *PasswordChange) validate(email string) error {
	var check request.Check
	checkGiven(&check, "current_password", c.Current)
	check.IncludeAs("new_password", auth.CheckPassword(c.New.Reveal(), email))
	if c.New == c.Current {
		check.Add("new_password", "different", "must differ from the current one")
	}
	return check.Err()
}

// ChangePassword gives the user another password and ends all their other sessions, in every tenant, so that the old one opens
// nothing any more. API keys stay, for they are no passwords: their owner sees them listed and ends them one by one. The current password is judged like that of a login, and wrong ones lock the account alike; here it is a
// VALIDATION_ERROR, since the token that asks is good.
func (s *Service) ChangePassword(ctx context.Context, p auth.Principal, c PasswordChange, from session.Client) error {
	if p.APIKeyID != uuid.Nil {
		return errors.New(errors.CodeAuthorization, "Passwords are for users, not for API keys")
	}
	who, err := s.accounts.ByID(ctx, p.UserID)
	if err != nil {
		return err
	}
	if err := c.validate(who.Email); err != nil {
		return err
	}
	if err := s.confirm(ctx, who, c.Current, p, from); err != nil {
		return err
	}
	hash, err := s.passwords.HashPassword(ctx, c.New.Reveal())
	if err != nil {
		return err
	}
	return s.pool.InTx(db.WithUser(ctx, who.ID), func(ctx context.Context) error {
		changed, err := s.accounts.SetPasswordHash(ctx, who, hash)
		if err != nil {
			return err
		}
		if !changed {
			return errors.Conflict("The password has been changed meanwhile")
		}
		if err := s.sessions.LogoutOthers(ctx, who.ID, p.SessionID, "password_changed"); err != nil {
			return err
		}
		return s.pool.InTenant(db.WithTenant(ctx, p.TenantID), func(ctx context.Context) error {
			return s.audit.Record(ctx, audit.Entry{
				Event: "password_changed", ActorID: who.ID, TargetType: "user", TargetID: who.ID.String(), RemoteIP: from.RemoteIP,
			})
		})
	})
}

// confirm says whether the password is that of the account, as an attempt like those of a login.
func (s *Service) confirm(ctx context.Context, who account.Account, password logging.Secret, p auth.Principal, from session.Client) error {
	v, locked, err := s.attempts.try(ctx, who.Email, from.RemoteIP, s.limits(), func() (verdict, error) {
		ok, _, err := s.passwords.VerifyPassword(ctx, who.PasswordHash, password.Reveal())
		switch {
		case err != nil:
			return unjudged, err
		case ok:
			return right, nil
		}
		return wrong, nil
	})
	if err != nil || v == right {
		return err
	}
	if err := s.failed(ctx, "invalid_current_password", candidate{Account: who, home: p.TenantID, known: true}, locked, from); err != nil {
		return err
	}
	return errors.Invalid("current_password", "match", "is not the current password")
}
