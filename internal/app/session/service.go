package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// Service opens, refreshes and revokes sessions. It is safe for concurrent use.
type Service struct {
	pool        *db.Pool
	store       store
	members     members.Store
	issuer      *auth.Issuer
	audit       audit.Recorder
	revocations *auth.Revocations // those that the [auth.Verifier] of this replica checks
	config      Config
	retention   time.Duration // how long a revocation is needed
}

// NewService returns a service. leeway is the accepted clock skew in access tokens.
func NewService(
	pool *db.Pool, issuer *auth.Issuer, trail audit.Recorder, revocations *auth.Revocations, config Config,
	leeway time.Duration,
) *Service {
	return &Service{
		pool: pool, store: store{pool}, members: members.NewStore(pool), issuer: issuer, audit: trail,
		revocations: revocations, config: config, retention: maxAccessTTL + maxClockSkew + leeway,
	}
}

// Open opens a session of a member and returns its first tokens. A user who is not a member is a
// TENANT_ACCESS_DENIED. Open may run in a transaction of the caller.
func (s *Service) Open(ctx context.Context, tenantID, userID uuid.UUID) (Tokens, error) {
	id := db.NewID()
	family := auth.NewSeed()
	refresh := auth.NewRefreshToken(tenantID, id, family)
	row := sessionRow{
		ID: id, TenantID: tenantID, UserID: userID, Family: family, Seed: auth.NewSeed(), RefreshHash: refresh.Hash(),
	}
	ctx = db.WithMember(ctx, tenantID, userID)
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (t Tokens, err error) {
		// A change of the role waits for this transaction, and then finds the session.
		role, err := s.members.Role(ctx, userID, members.Share)
		if err != nil {
			return t, err
		}
		if err := s.store.insert(ctx, row, s.config); err != nil {
			return t, err
		}
		if _, err := s.revoke(ctx, userID, "too_many_sessions", excessSessions, userID, maxSessions); err != nil {
			return t, err
		}
		p := auth.Principal{UserID: userID, TenantID: tenantID, Roles: []auth.Role{role}, SessionID: id}
		if t, err = s.tokens(p, refresh, s.config.TTL); err != nil {
			return t, err
		}
		return t, s.record(ctx, "token_issued", "login", p)
	})
}

// clientOf returns the client of ctx for storage: truncated, and without bytes that PostgreSQL
// refuses.
func clientOf(ctx context.Context) server.Client {
	c := server.ClientFrom(ctx)
	return server.Client{RemoteIP: db.Text(c.RemoteIP, maxRemoteIP), UserAgent: db.Text(c.UserAgent, maxUserAgent)}
}

// tokens issues an access token and returns it with a refresh token. left is the remaining lifetime
// of the session, which the access token does not exceed.
func (s *Service) tokens(p auth.Principal, refresh auth.RefreshToken, left time.Duration) (Tokens, error) {
	access, expires, err := s.issuer.IssueUntil(p, time.Now().Add(left))
	if err != nil {
		return Tokens{}, errors.Internal(err, "issue an access token")
	}
	return Tokens{
		AccessToken: access, RefreshToken: refresh.Reveal(), TokenType: "Bearer",
		ExpiresIn: int64(time.Until(expires).Round(time.Second).Seconds()), SessionID: p.SessionID,
	}, nil
}

// record adds an event about the session of p to the audit trail.
func (s *Service) record(ctx context.Context, event, reason string, p auth.Principal) error {
	return s.audit.Record(ctx, audit.Entry{
		Event: event, Reason: reason, ActorID: p.UserID, SessionID: p.SessionID,
		TargetType: "session", TargetID: p.SessionID.String(),
	})
}

// List returns the active sessions of the principal's user in the tenant, the most recently used
// first.
func (s *Service) List(ctx context.Context, p auth.Principal) ([]Session, error) {
	return s.store.list(ctx, p.UserID, p.SessionID)
}

// Logout revokes the session of the principal. It succeeds if there is none, or if it has been
// revoked already.
func (s *Service) Logout(ctx context.Context, p auth.Principal) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		_, err := s.revoke(ctx, p.UserID, "logout", oneSession, p.UserID, p.SessionID)
		return err
	})
}

// End revokes one session of the principal's user. A session that is unknown, revoked or of another
// user is a RESOURCE_NOT_FOUND.
func (s *Service) End(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		n, err := s.revoke(ctx, p.UserID, "ended_by_user", oneSession, p.UserID, id)
		if err == nil && n == 0 {
			return errors.NotFound("session", id)
		}
		return err
	})
}

// LogoutAll revokes all sessions of a user in all tenants. It must not run in a transaction of a
// tenant.
func (s *Service) LogoutAll(ctx context.Context, userID uuid.UUID) error {
	return s.revokeInAllTenants(ctx, userID, userID, "logout_all", allSessions, userID)
}

// LogoutOthers is [Service.LogoutAll] for all sessions except keep. The reason is for the audit
// trail, such as password_changed.
func (s *Service) LogoutOthers(ctx context.Context, userID, keep uuid.UUID, reason string) error {
	return s.revokeInAllTenants(ctx, userID, userID, reason, otherSessions, userID, keep)
}

// EndAll is [Service.LogoutAll] for an operator: the audit trail names no acting user.
func (s *Service) EndAll(ctx context.Context, userID uuid.UUID, reason string) error {
	return s.revokeInAllTenants(ctx, uuid.Nil, userID, reason, allSessions, userID)
}

func (s *Service) revokeInAllTenants(
	ctx context.Context, actor, userID uuid.UUID, reason string, which selection, args ...any,
) error {
	return s.pool.InTx(db.WithUser(ctx, userID), func(ctx context.Context) error {
		memberships, err := s.members.Memberships(ctx, userID)
		if err != nil {
			return err
		}
		for _, m := range memberships {
			if err := s.lockAndRevoke(inOtherTenant(ctx, m.TenantID), actor, userID, reason, which, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// inOtherTenant returns ctx for a tenant of the user. Its principal has no session or API key,
// because the audit trail of a tenant must not show those of another one.
func inOtherTenant(ctx context.Context, tenant uuid.UUID) context.Context {
	if p, ok := auth.PrincipalFrom(ctx); ok && p.TenantID != tenant {
		ctx = auth.WithPrincipal(ctx, auth.Principal{UserID: p.UserID, TenantID: tenant})
	}
	return db.WithTenant(ctx, tenant)
}

// RevokeMember revokes all sessions of a member of the tenant of ctx, for removal by another user
// or the member. Call it in the transaction that deletes the membership, before the deletion. The
// reason is for the audit trail, such as member_removed.
func (s *Service) RevokeMember(ctx context.Context, by auth.Principal, userID uuid.UUID, reason string) error {
	return s.lockAndRevoke(ctx, by.UserID, userID, reason, allSessions, userID)
}

// lockAndRevoke revokes sessions of a member, including those that are being opened.
func (s *Service) lockAndRevoke(
	ctx context.Context, actor, member uuid.UUID, reason string, which selection, args ...any,
) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.members.LockForDelete(ctx, member); err != nil {
			return err
		}
		_, err := s.revoke(ctx, actor, reason, which, args...)
		return err
	})
}

// Renew invalidates the access tokens of a member of the tenant of ctx but keeps the sessions: the
// next refresh issues tokens with the current roles. Call it in the transaction that changes the
// roles.
func (s *Service) Renew(ctx context.Context, userID uuid.UUID) error {
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.members.LockForDelete(ctx, userID); err != nil {
			return err
		}
		list, err := s.store.renew(ctx, s.retention, userID)
		if err != nil {
			return err
		}
		s.addAfterCommit(ctx, list)
		return nil
	})
}
