package identity

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Login opens a session for a user whose password is right, and returns its tokens. The answer, its time, and what is asked of
// the database are the same for a wrong password and for an email that nobody has.
//
// After too many failures the account, whether or not there is one, or the address is locked for a while: RATE_LIMIT_EXCEEDED,
// without a look at the password.
func (s *Service) Login(ctx context.Context, c Credentials, from session.Client) (t session.Tokens, err error) {
	if err := c.validate(); err != nil {
		return t, err
	}
	var who candidate
	v, locked, err := s.attempts.try(ctx, c.Email, from.RemoteIP, s.limits(), func() (v verdict, err error) {
		who, v, err = s.judge(ctx, c)
		return v, err
	})
	if err != nil {
		return t, err
	}
	switch {
	case v != right:
		return t, s.refuse(ctx, errors.CodeInvalidCredentials, "invalid_credentials", who, locked, from)
	case who.tenant == uuid.Nil:
		return t, s.refuse(ctx, errors.CodeTenantAccessDenied, "not_a_member", who, locked, from)
	}
	t, err = s.enter(ctx, who, from)
	if errors.Is(err, errPasswordChanged) {
		return t, s.refuse(ctx, errors.CodeInvalidCredentials, "password_changed", who, locked, from)
	}
	return t, err
}

var errPasswordChanged = errors.Sentinel("the password was changed while somebody logged in with the old one")

// enter opens a session, unless the password has been changed since it was looked at: a change ends every session that there is
// then, and is to leave none that the old password opens after it.
func (s *Service) enter(ctx context.Context, who candidate, from session.Client) (t session.Tokens, err error) {
	err = s.pool.InTenant(db.WithMember(ctx, who.tenant, who.ID), func(ctx context.Context) error {
		unchanged, err := s.accounts.Unchanged(ctx, who.Account)
		if err != nil {
			return err
		}
		if !unchanged {
			return errPasswordChanged
		}
		if t, err = s.sessions.Open(ctx, who.tenant, who.ID, from); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Event: "login_succeeded", ActorID: who.ID, SessionID: t.SessionID, TargetType: "session", TargetID: t.SessionID.String(),
			RemoteIP: from.RemoteIP,
		})
	})
	return t, err
}

// refuse records a failed login and returns what its client reads.
func (s *Service) refuse(ctx context.Context, code errors.Code, reason string, who candidate, locked locks, from session.Client) error {
	if err := s.failed(ctx, reason, who, locked, from); err != nil {
		return err
	}
	return errors.New(code, "")
}

// failed records a failed login, and the lock that it may have brought, in the trail of a tenant of the account, whichever tenant
// the client has named, or in that of the system. A client that has gone does not keep it from being recorded.
func (s *Service) failed(ctx context.Context, reason string, who candidate, locked locks, from session.Client) error {
	e := audit.Entry{Event: "login_failed", Reason: reason, RemoteIP: from.RemoteIP}
	if who.known {
		e.ActorID = who.ID
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	ctx = db.WithMember(ctx, who.home, who.ID)
	in := s.pool.InTx
	if who.home != uuid.Nil {
		in = s.pool.InTenant
	}
	return in(ctx, func(ctx context.Context) error {
		if err := s.audit.Record(ctx, e); err != nil {
			return err
		}
		for _, lock := range []struct {
			made bool
			of   string
		}{{locked.account, "account"}, {locked.address, "address"}} {
			if !lock.made {
				continue
			}
			e := e
			e.Event, e.Reason, e.TargetType = "account_locked", "too_many_failures", lock.of
			e.Details = map[string]any{"seconds": int(s.limits().Lockout.Seconds())}
			if err := s.audit.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}
