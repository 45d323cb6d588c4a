package identity

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Sessions opens sessions and ends them, as [session.Service] does.
type Sessions interface {
	Open(ctx context.Context, tenantID, userID uuid.UUID, from session.Client) (session.Tokens, error)
	LogoutOthers(ctx context.Context, userID, keep uuid.UUID, reason string) error
}

// Passwords hashes passwords and checks them, as [auth.Passwords] does.
type Passwords interface {
	HashPassword(ctx context.Context, password string) (string, error)
	VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error)
	Dummy(ctx context.Context, password string) error // what VerifyPassword costs
}

// Options are what a [Service] needs; all of them are required.
type Options struct {
	Pool      *db.Pool
	Passwords Passwords
	Sessions  Sessions
	Audit     session.Recorder
	Limits    func() Limits // asked at every login, so that a change takes effect
}

// Service registers users, logs them in, changes their passwords and tells them who they are. It is safe for concurrent use.
type Service struct {
	pool      *db.Pool
	store     store
	accounts  account.Store
	attempts  attempts
	passwords Passwords
	sessions  Sessions
	audit     session.Recorder
	limits    func() Limits
}

// NewService returns a service.
func NewService(o Options) *Service {
	return &Service{
		pool: o.Pool, store: store{o.Pool}, accounts: account.NewStore(o.Pool), attempts: attempts{o.Pool}, passwords: o.Passwords, sessions: o.Sessions,
		audit: o.Audit, limits: o.Limits,
	}
}

// Register makes a tenant and its owner and logs the owner in. An email that is registered already is a
// RESOURCE_CONFLICT.
func (s *Service) Register(ctx context.Context, r Registration, from session.Client) (u User, t session.Tokens, err error) {
	if err := r.validate(); err != nil {
		return u, t, err
	}
	hash, err := s.passwords.HashPassword(ctx, r.Password.Reveal())
	if err != nil {
		return u, t, err
	}
	tenant, user, err := newIDs()
	if err != nil {
		return u, t, err
	}
	err = s.pool.InTenant(db.WithMember(ctx, tenant, user), func(ctx context.Context) error {
		if err := s.store.insertTenant(ctx, tenant, r.TenantName); err != nil {
			return err
		}
		err := s.accounts.Insert(ctx, account.Account{
			ID: user, Email: r.Email, DisplayName: r.DisplayName, PasswordHash: hash, CreatedIn: uuid.NullUUID{UUID: tenant, Valid: true},
		})
		if err != nil {
			return err
		}
		if err := s.store.insertMember(ctx, tenant, user, access.RoleOwner); err != nil {
			return err
		}
		if u, err = s.store.user(ctx, user); err != nil {
			return err
		}
		if t, err = s.sessions.Open(ctx, tenant, user, from); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Event: "tenant_registered", ActorID: user, SessionID: t.SessionID, TargetType: "tenant", TargetID: tenant.String(),
			RemoteIP: from.RemoteIP,
		})
	})
	if err != nil {
		return User{}, session.Tokens{}, err
	}
	return u, t, nil
}

func newIDs() (tenant, user uuid.UUID, err error) {
	if tenant, err = uuid.NewV7(); err == nil {
		user, err = uuid.NewV7()
	}
	if err != nil {
		return tenant, user, errors.Internal(err, "make ids")
	}
	return tenant, user, nil
}

// Me returns the principal's user, with the role as it is now, which may differ from that in the token.
func (s *Service) Me(ctx context.Context, p auth.Principal) (u User, err error) {
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		u, err = s.store.user(ctx, p.UserID)
		return err
	})
	return u, err
}
