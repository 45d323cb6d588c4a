package session

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	// longestAccess is the most that AUTH_ACCESS_TOKEN_TTL can be. What it is now says nothing of tokens that were made before
	// the last restart, or by a replica with another configuration.
	longestAccess = 2 * time.Hour
	clockSkew     = time.Minute // between the database and the replicas
)

// everything is a generation that no token reaches.
const everything = math.MaxInt64

// keep is for how long a revocation is of use.
func (s *Service) keep() time.Duration { return longestAccess + s.leeway + clockSkew }

// Logout ends the session of the principal's token. One that has ended already, and a token without a session, are no errors.
func (s *Service) Logout(ctx context.Context, p auth.Principal) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		_, err := s.revoke(ctx, "logout", one, p.UserID, p.SessionID)
		return err
	})
}

// LogoutAll ends all sessions of the user in all tenants, the one that asks included. It must not run inside a transaction of
// a tenant.
func (s *Service) LogoutAll(ctx context.Context, userID uuid.UUID) error {
	return s.everywhere(ctx, userID, "logout_all", allOf, userID)
}

// LogoutOthers is [Service.LogoutAll] but for the session keep. The reason is a word for the audit trail, such as
// password_changed.
func (s *Service) LogoutOthers(ctx context.Context, userID, keep uuid.UUID, reason string) error {
	return s.everywhere(ctx, userID, reason, others, userID, keep)
}

// everywhere ends the sessions of a selection in each tenant of the user, in one transaction. It waits for those that are being
// opened.
func (s *Service) everywhere(ctx context.Context, userID uuid.UUID, reason string, which selection, args ...any) error {
	return s.pool.InTx(db.WithUser(ctx, userID), func(ctx context.Context) error {
		tenants, err := s.store.tenants(ctx, userID)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			err := s.pool.InTenant(guest(ctx, tenant), func(ctx context.Context) error {
				if err := s.store.lockMember(ctx, userID); err != nil {
					return err
				}
				_, err := s.revoke(ctx, reason, which, args...)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// guest returns the ctx for a tenant of the user, whose trail is not told of a session or a key in another tenant.
func guest(ctx context.Context, tenant uuid.UUID) context.Context {
	if p, ok := auth.PrincipalFrom(ctx); ok && p.TenantID != tenant {
		ctx = auth.WithPrincipal(ctx, auth.Principal{UserID: p.UserID, TenantID: tenant})
	}
	return db.WithTenant(ctx, tenant)
}

// End ends one session of the principal's user. One that is not there, has ended or is somebody else's is a
// RESOURCE_NOT_FOUND.
func (s *Service) End(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		n, err := s.revoke(ctx, "ended_by_user", one, p.UserID, id)
		if err == nil && n == 0 {
			return errors.NotFound("session", id)
		}
		return err
	})
}

// RevokeMember ends all sessions of a member of the tenant of ctx, for a member who is removed: call it in the same
// transaction, before the membership is deleted. The reason is a word for the audit trail, such as member_removed.
func (s *Service) RevokeMember(ctx context.Context, userID uuid.UUID, reason string) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.store.lockMember(ctx, userID); err != nil {
			return err
		}
		_, err := s.revoke(ctx, reason, allOf, userID)
		return err
	})
}

// Renew makes the access tokens of a member of the tenant of ctx stale, while the sessions go on: the next refresh yields the
// roles as they are then. Call it in the transaction that changes the roles.
func (s *Service) Renew(ctx context.Context, userID uuid.UUID) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.store.lockMember(ctx, userID); err != nil {
			return err
		}
		list, err := s.store.renew(ctx, s.keep(), userID)
		if err != nil {
			return err
		}
		s.enlist(ctx, list)
		return nil
	})
}

// revoke ends the sessions of a selection in the tenant of the transaction, here and on every other replica as soon as it has
// committed, and returns how many there were.
func (s *Service) revoke(ctx context.Context, reason string, which selection, args ...any) (int, error) {
	list, err := s.store.revoke(ctx, s.keep(), reason, which, args...)
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		// The session in the details is the one that ends, whichever it is ended from.
		err := s.audit.Record(ctx, audit.Entry{
			Event: "session_revoked", ActorID: actor(ctx, e.UserID), TargetType: "session", TargetID: e.SessionID.String(),
			Reason: reason, Details: map[string]any{"session_id": e.SessionID.String(), "owner_id": e.UserID.String()},
		})
		if err != nil {
			return 0, err
		}
	}
	s.enlist(ctx, list)
	return len(list), nil
}

// actor is who ends a session: whoever the request comes from, or its own user where that is nobody yet.
func actor(ctx context.Context, owner uuid.UUID) uuid.UUID {
	if p, ok := auth.PrincipalFrom(ctx); ok {
		return p.UserID
	}
	return owner
}

// enlist adds what has become stale to the list of this replica once it is committed, without waiting for the notification.
func (s *Service) enlist(ctx context.Context, list []stale) {
	if len(list) == 0 {
		return
	}
	db.AfterCommit(ctx, func(context.Context) {
		until := time.Now().Add(s.keep())
		for _, e := range list {
			s.revocations.Add(e.SessionID, e.MinGeneration, until)
		}
	})
}
