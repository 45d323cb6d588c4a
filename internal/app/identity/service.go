package identity

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Service registers users, logs them in and tells them who they are.
type Service struct {
	pool      *db.Pool
	store     store
	passwords *auth.Passwords
	issuer    *auth.Issuer
}

// NewService returns a service over the pool that hands out the tokens of issuer.
func NewService(pool *db.Pool, passwords *auth.Passwords, issuer *auth.Issuer) *Service {
	return &Service{pool: pool, store: store{pool}, passwords: passwords, issuer: issuer}
}

// Register makes a tenant and its owner and logs the owner in. An email that is registered already is a
// RESOURCE_CONFLICT.
func (s *Service) Register(ctx context.Context, r Registration, remoteIP string) (u User, t Tokens, err error) {
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
	ctx = db.WithUser(db.WithTenant(ctx, tenant), user)
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.store.insertTenant(ctx, tenant, r.TenantName); err != nil {
			return err
		}
		if err := s.store.insertUser(ctx, user, r.Email, r.DisplayName, hash); err != nil {
			return err
		}
		if err := s.store.insertMember(ctx, tenant, user, access.RoleOwner); err != nil {
			return err
		}
		u, err = s.store.user(ctx, user)
		return err
	})
	if err != nil {
		return User{}, t, err
	}
	t, err = s.issue(ctx, auth.Principal{UserID: user, TenantID: tenant, Roles: []auth.Role{access.RoleOwner}}, remoteIP)
	return u, t, err
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

// Login returns tokens for a user whose password is right. The answer and its time are the same for a wrong password and
// for an email that nobody has.
func (s *Service) Login(ctx context.Context, c Credentials, remoteIP string) (t Tokens, err error) {
	if err := c.validate(); err != nil {
		return t, err
	}
	a, err := s.authenticate(ctx, c)
	if errors.HasCode(err, errors.CodeInvalidCredentials) {
		failed(ctx, "invalid_credentials", a.ID, remoteIP)
	}
	if err != nil {
		return t, err
	}
	ctx = db.WithUser(ctx, a.ID)
	var m membership
	err = s.pool.InTx(ctx, func(ctx context.Context) error {
		m, err = s.store.membership(ctx, a.ID, c.TenantID)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		failed(ctx, "not_a_member", a.ID, remoteIP)
		return t, errors.New(errors.CodeTenantAccessDenied, "")
	}
	if err != nil {
		return t, err
	}
	log.Info(ctx, "login_succeeded", logging.Bool("audit", true), logging.String("user_id", a.ID.String()),
		logging.String("tenant_id", m.TenantID.String()), logging.String("remote_ip", remoteIP))
	return s.issue(ctx, auth.Principal{UserID: a.ID, TenantID: m.TenantID, Roles: []auth.Role{m.Role}}, remoteIP)
}

// failed writes a failed login to the audit log, with the user where the email is somebody's.
func failed(ctx context.Context, reason string, user uuid.UUID, remoteIP string) {
	fields := []logging.Field{
		logging.Bool("audit", true), logging.String("reason", reason), logging.String("remote_ip", remoteIP),
	}
	if user != uuid.Nil {
		fields = append(fields, logging.String("user_id", user.String()))
	}
	log.Warn(ctx, "login_failed", fields...)
}

// authenticate returns the account of the credentials, or AUTH_INVALID_CREDENTIALS, with the account where only the
// password is wrong.
func (s *Service) authenticate(ctx context.Context, c Credentials) (account, error) {
	a, err := s.store.accountByEmail(ctx, c.Email)
	if errors.Is(err, sql.ErrNoRows) {
		if err := s.passwords.Dummy(ctx, c.Password.Reveal()); err != nil {
			return account{}, err
		}
		return account{}, errors.New(errors.CodeInvalidCredentials, "")
	}
	if err != nil {
		return account{}, err
	}
	ok, outdated, err := s.passwords.VerifyPassword(ctx, a.PasswordHash, c.Password.Reveal())
	switch {
	case err != nil:
		return account{}, err
	case !ok:
		return a, errors.New(errors.CodeInvalidCredentials, "")
	case !outdated:
		return a, nil
	}
	hash, err := s.passwords.HashPassword(ctx, c.Password.Reveal())
	if err != nil {
		return account{}, err
	}
	return a, s.store.setPasswordHash(ctx, a, hash)
}

// Me returns the principal's user, with the role as it is now, which may differ from that in the token.
func (s *Service) Me(ctx context.Context, p auth.Principal) (u User, err error) {
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		u, err = s.store.user(ctx, p.UserID)
		return err
	})
	return u, err
}

func (s *Service) issue(ctx context.Context, p auth.Principal, remoteIP string) (Tokens, error) {
	token, expires, err := s.issuer.Issue(p)
	if err != nil {
		return Tokens{}, errors.Internal(err, "issue an access token")
	}
	log.Info(ctx, "token_issued", logging.Bool("audit", true), logging.String("user_id", p.UserID.String()),
		logging.String("tenant_id", p.TenantID.String()), logging.String("remote_ip", remoteIP))
	return Tokens{AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(time.Until(expires).Round(time.Second).Seconds())}, nil
}
