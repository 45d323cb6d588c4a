package identity

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Passwords is implemented by [auth.Passwords].
type Passwords interface {
	HashPassword(ctx context.Context, password string) (string, error)
	VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error)
	Dummy(ctx context.Context, password string) error // costs as much as VerifyPassword
}

// Service registers users, logs them in and changes their passwords. It is safe for concurrent use.
type Service struct {
	pool      *db.Pool
	store     store
	accounts  account.Store
	members   members.Store
	lockout   lockout
	passwords Passwords // for logins and changes
	first     Passwords // for registrations
	sessions  *session.Service
	audit     audit.Recorder
	limits    func() Limits
}

// NewService returns a service. Registrations hash with first, which has a queue of its own, so that
// they do not keep logins waiting. NewService calls limits for every login, so that a changed limit
// takes effect at once.
func NewService(
	pool *db.Pool, passwords, first Passwords, sessions *session.Service, recorder audit.Recorder,
	limits func() Limits,
) *Service {
	return &Service{
		pool: pool, store: store{pool}, accounts: account.NewStore(pool), members: members.NewStore(pool),
		lockout: lockout{pool}, passwords: passwords, first: first, sessions: sessions, audit: recorder, limits: limits,
	}
}

// Register creates a tenant and its owner, and logs the owner in. It returns RESOURCE_CONFLICT if
// the email has an account, if possible before the password is hashed.
func (s *Service) Register(ctx context.Context, r RegisterRequest) (u User, t session.Tokens, err error) {
	if err := r.validate(); err != nil {
		return u, t, err
	}
	switch _, err := s.accounts.ByEmail(ctx, r.Email); {
	case err == nil:
		return u, t, account.EmailTaken(nil)
	case !errors.Is(err, sql.ErrNoRows):
		return u, t, err
	}
	hash, err := s.first.HashPassword(ctx, r.Password.Reveal())
	if err != nil {
		return u, t, err
	}
	tenant := db.NewID()
	owner := account.New(tenant, r.Email, r.DisplayName)
	err = s.pool.InTenant(db.WithMember(ctx, tenant, owner.ID), func(ctx context.Context) error {
		if err := s.store.insertTenant(ctx, tenant, r.TenantName); err != nil {
			return err
		}
		if err := s.accounts.Insert(ctx, owner, hash); err != nil {
			return err
		}
		if err := s.members.Insert(ctx, tenant, owner.ID, access.RoleOwner); err != nil {
			return err
		}
		if u, err = s.store.user(ctx, owner.ID); err != nil {
			return err
		}
		if t, err = s.sessions.Open(ctx, tenant, owner.ID); err != nil {
			return err
		}
		account, network := countersOf(ctx, owner.Email, s.limits())
		if err := s.lockout.remember(ctx, account, network); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Event: "tenant_registered", ActorID: owner.ID, SessionID: t.SessionID,
			TargetType: "tenant", TargetID: tenant.String(),
		})
	})
	return u, t, err
}

// Me returns the user of p with the current role, which may differ from the one in the token.
func (s *Service) Me(ctx context.Context, p auth.Principal) (User, error) {
	return s.store.user(ctx, p.UserID)
}

// Login opens a session and returns its tokens. A wrong password and an unknown email cannot be
// distinguished: the answer, its time and the number of database round trips are equal.
//
// After too many failures the account (existing or not) or the address is locked, and Login returns
// RATE_LIMIT_EXCEEDED without checking the password. Failures elsewhere do not lock an account at an
// address from which it has logged in.
func (s *Service) Login(ctx context.Context, r LoginRequest) (t session.Tokens, err error) {
	if err := r.validate(); err != nil {
		return t, err
	}
	var user loginUser
	ok, locked, err := s.lockout.attempt(ctx, r.Email, uuid.Nil, s.limits(), func() (ok bool, err error) {
		if user, err = s.find(ctx, r); err != nil {
			return false, err
		}
		return s.verify(ctx, &user, r.Password)
	})
	if err != nil {
		return t, err
	}
	code, reason := errors.CodeInvalidCredentials, "invalid_credentials"
	switch {
	case ok && user.tenant == uuid.Nil:
		code, reason = errors.CodeTenantAccessDenied, "not_a_member"
	case ok:
		t, err = s.openSession(ctx, user)
		if !errors.Is(err, errPasswordChanged) {
			return t, err
		}
		reason = "password_changed"
	}
	if err := s.recordFailure(ctx, reason, user, locked); err != nil {
		return t, err
	}
	return t, errors.New(code, "")
}

// loginUser is the account of a login attempt and the tenant that it selects.
type loginUser struct {
	account.Account // with a random id if the email has no account
	password        account.Password
	exists          bool      // the email has an account
	tenant          uuid.UUID // to log in to; zero if the user is not a member
	auditTenant     uuid.UUID // whose audit trail records a failure; zero means the system trail
}

// find returns the user of a login request. It runs the same statements whether or not the email
// has an account.
func (s *Service) find(ctx context.Context, r LoginRequest) (u loginUser, err error) {
	u.Account, err = s.accounts.ByEmail(ctx, r.Email)
	u.exists = err == nil
	if errors.Is(err, sql.ErrNoRows) {
		u.ID, err = uuid.New(), nil
	}
	if err != nil {
		return u, err
	}
	err = s.pool.InTx(db.WithUser(ctx, u.ID), func(ctx context.Context) error {
		if u.password, err = s.accounts.Password(ctx, u.ID); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		tenant, err := s.members.TenantOf(ctx, u.ID, r.TenantID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		u.auditTenant = tenant
		if r.TenantID == uuid.Nil || r.TenantID == tenant {
			u.tenant = tenant
		}
		return err
	})
	return u, err
}

// verify reports whether the password is right. It costs the same if there is no account. A hash
// with outdated parameters is replaced.
func (s *Service) verify(ctx context.Context, u *loginUser, password logging.Secret) (bool, error) {
	if !u.exists {
		return false, s.passwords.Dummy(ctx, password.Reveal())
	}
	ok, needsRehash, err := s.passwords.VerifyPassword(ctx, u.password.Hash, password.Reveal())
	if err != nil || !ok || !needsRehash {
		return ok, err
	}
	hash, err := s.passwords.HashPassword(ctx, password.Reveal())
	if err != nil {
		return false, err
	}
	u.password, err = s.accounts.ChangePassword(ctx, u.ID, u.password, hash)
	if errors.Is(err, sql.ErrNoRows) { // openSession finds the change
		err = nil
	}
	return true, err
}

var errPasswordChanged = errors.Sentinel("the password was changed during the login")

// openSession opens a session unless the password has changed since it was verified: a password
// change ends all other sessions, and none may be opened with the old password after it.
func (s *Service) openSession(ctx context.Context, u loginUser) (session.Tokens, error) {
	ctx = db.WithMember(ctx, u.tenant, u.ID)
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (t session.Tokens, err error) {
		unchanged, err := s.accounts.Unchanged(ctx, u.ID, u.password)
		if err != nil {
			return t, err
		}
		if !unchanged {
			return t, errPasswordChanged
		}
		if t, err = s.sessions.Open(ctx, u.tenant, u.ID); err != nil {
			return t, err
		}
		return t, s.audit.Record(ctx, audit.Entry{
			Event: "login_succeeded", ActorID: u.ID, SessionID: t.SessionID,
			TargetType: "session", TargetID: t.SessionID.String(),
		})
	})
}

// recordFailure records a failed login and the locks that it caused, also if the client has
// disconnected.
func (s *Service) recordFailure(ctx context.Context, reason string, u loginUser, locked []string) error {
	e := audit.Entry{Event: "login_failed", Reason: reason}
	if u.exists {
		e.ActorID = u.ID
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	ctx = db.WithMember(ctx, u.auditTenant, u.ID)
	inTx := s.pool.InTx
	if u.auditTenant != uuid.Nil {
		inTx = s.pool.InTenant
	}
	return inTx(ctx, func(ctx context.Context) error {
		if err := s.audit.Record(ctx, e); err != nil {
			return err
		}
		for _, kind := range locked {
			e := e
			e.Event, e.Reason, e.TargetType = "account_locked", "too_many_failures", kind
			e.Details = map[string]any{"seconds": int(s.limits().Lockout.Seconds())}
			if err := s.audit.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// ChangePassword replaces the password of a user and ends all their other sessions in every tenant.
// API keys remain valid, because they do not depend on the password; users list and revoke them
// separately.
//
// Wrong current passwords count as failed logins of the session and the address. They are a
// VALIDATION_ERROR, since the access token is valid.
func (s *Service) ChangePassword(ctx context.Context, p auth.Principal, r PasswordRequest) error {
	a, err := s.accounts.ByID(ctx, p.UserID)
	if err != nil {
		return err
	}
	if err := r.validate(a.Email); err != nil {
		return err
	}
	var current account.Password
	err = s.pool.InTx(db.WithUser(ctx, a.ID), func(ctx context.Context) error {
		current, err = s.accounts.Password(ctx, a.ID)
		return err
	})
	if err != nil {
		return err
	}
	ok, locked, err := s.lockout.attempt(ctx, a.Email, p.SessionID, s.limits(), func() (bool, error) {
		ok, _, err := s.passwords.VerifyPassword(ctx, current.Hash, r.Current.Reveal())
		return ok, err
	})
	if err != nil {
		return err
	}
	if !ok {
		user := loginUser{Account: a, exists: true, auditTenant: p.TenantID}
		if err := s.recordFailure(ctx, "invalid_current_password", user, locked); err != nil {
			return err
		}
		return errors.Invalid("current_password", "match", "is not the current password")
	}
	hash, err := s.passwords.HashPassword(ctx, r.New.Reveal())
	if err != nil {
		return err
	}
	return s.pool.InTx(db.WithUser(ctx, a.ID), func(ctx context.Context) error {
		_, err := s.accounts.ChangePassword(ctx, a.ID, current, hash)
		if errors.Is(err, sql.ErrNoRows) {
			return errors.Conflict("The password was changed by another request")
		}
		if err != nil {
			return err
		}
		if err := s.sessions.LogoutOthers(ctx, a.ID, p.SessionID, "password_changed"); err != nil {
			return err
		}
		return s.pool.InTenant(db.WithTenant(ctx, p.TenantID), func(ctx context.Context) error {
			return s.audit.Record(ctx, audit.Entry{
				Event: "password_changed", ActorID: a.ID, TargetType: "user", TargetID: a.ID.String(),
			})
		})
	})
}
