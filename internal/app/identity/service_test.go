package identity_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// nobody returns an email without an account.
func nobody() string { return uuid.NewString() + "@example.com" }

func TestRegisterOpensSession(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	assert.Equal(t, 1, d.Count(t, `select count(*) from sessions where user_id = $1 and remote_ip = '192.0.2.7'`, u.ID))
	registered := events(t, d, "tenant_registered")
	require.Len(t, registered, 1)
	assert.Equal(t, u.TenantID, registered[0].tenant)
	assert.Len(t, events(t, d, "token_issued"), 1)

	_, _, err := s.Register(server.WithClient(t.Context(), here), identity.RegisterRequest{TenantName: "T", Email: u.Email, Password: password})
	assert.True(t, errors.HasCode(err, errors.CodeConflict), err)
	assert.Equal(t, 1, d.Count(t, `select count(*) from tenants`))
}

// slowPasswords has no free place in its queue.
type slowPasswords struct{ identity.Passwords }

func (slowPasswords) HashPassword(context.Context, string) (string, error) {
	return "", errors.Unavailable(nil, "", time.Second)
}

// Anybody can register: registrations take no place in the queue of logins, and an email that has an
// account is refused before anything is hashed.
func TestRegistrationsHaveTheirOwnQueue(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	full := newServiceWith(t, d.Pool, cheap, func(p identity.Passwords) identity.Passwords { return slowPasswords{p} })
	require.NoError(t, full.login(t, u.Email, password, here))
	register := func(email string) error {
		_, _, err := full.Register(server.WithClient(t.Context(), here), identity.RegisterRequest{TenantName: "T", Email: email, Password: password})
		return err
	}
	err := register(u.Email)
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "%v", err)
	err = register(nobody())
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "%v", err)
}

func TestLoginAndItsAuditTrail(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	tokens, err := s.Login(server.WithClient(t.Context(), here), identity.LoginRequest{Email: " " + u.Email, Password: password})
	require.NoError(t, err)
	assert.NotEmpty(t, tokens.AccessToken)
	assert.NotEmpty(t, tokens.RefreshToken)
	assert.Equal(t, 2, d.Count(t, `select count(*) from sessions`))
	succeeded := events(t, d, "login_succeeded")
	require.Len(t, succeeded, 1)
	assert.Equal(t, u.TenantID, succeeded[0].tenant)
	assert.Equal(t, tokens.SessionID, succeeded[0].session)
	assert.Equal(t, 0, d.Count(t, `select coalesce(sum(failures), 0) from login_failures`))

	_, err = s.Login(server.WithClient(t.Context(), here), identity.LoginRequest{Email: u.Email, Password: password, TenantID: uuid.New()})
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
	_, err = s.Login(server.WithClient(t.Context(), here), identity.LoginRequest{Email: u.Email, Password: wrong, TenantID: uuid.New()})
	assert.True(t, errors.HasCode(err, errors.CodeInvalidCredentials), "a wrong password must not reveal memberships: %v", err)
	s.fails(t, u.Email, here, errors.CodeInvalidCredentials)
	s.fails(t, nobody(), here, errors.CodeInvalidCredentials)

	want := func(reason string, tenant, actor uuid.UUID) event {
		return event{tenant: tenant, actor: actor, reason: reason, ip: here.RemoteIP}
	}
	assert.Equal(t, []event{
		want("not_a_member", u.TenantID, u.ID), // recorded in the user's own tenant, not in the requested one
		want("invalid_credentials", u.TenantID, u.ID),
		want("invalid_credentials", u.TenantID, u.ID),
		want("invalid_credentials", uuid.Nil, uuid.Nil),
	}, events(t, d, "login_failed"))
}

func TestOverlongPasswordIsNotChecked(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	err := s.login(t, nobody(), logging.Secret(strings.Repeat("a", 1<<20)), here)
	require.True(t, errors.HasCode(err, errors.CodeValidation), "%v", err)
	assert.Zero(t, d.Count(t, `select count(*) from login_failures`))
}

// The database round trips must not reveal whether an email has an account: for failed, locking and
// locked logins.
func TestLoginRoundTripsAreEqualForKnownAndUnknownEmail(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, d.DSN))
	s := newService(t, apptest.Pool(t, proxy.DSN(d.DSN)), cheap)
	s.pool.SQL().SetMaxOpenConns(1) // every statement is prepared once
	known, unknown := s.register(t).Email, nobody()
	s.setLimits(identity.Limits{MaxFailures: 1, MaxFailuresPerAddress: 1000, Lockout: time.Minute})
	s.fails(t, nobody(), here, errors.CodeInvalidCredentials) // prepares the statements
	warm := nobody()
	s.fails(t, warm, here, errors.CodeInvalidCredentials)
	s.fails(t, warm, here, errors.CodeRateLimitExceeded)
	s.setLimits(identity.Limits{MaxFailures: 3, MaxFailuresPerAddress: 1000, Lockout: time.Minute})
	trips := func(email string) (list []int64) {
		for i := range 5 {
			before := proxy.RoundTrips()
			code := errors.CodeInvalidCredentials
			if i >= 3 {
				code = errors.CodeRateLimitExceeded
			}
			s.fails(t, email, here, code)
			list = append(list, proxy.RoundTrips()-before)
		}
		return list
	}
	want := trips(known)
	assert.Equal(t, want, trips(unknown))
	t.Logf("round trips of failed logins: %v", want)
}

func TestOutdatedHashIsReplaced(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	email := newService(t, d.Pool, cheap).register(t).Email
	s := newService(t, d.Pool, auth.PasswordConfig{Argon2Memory: 19456, Argon2Passes: 2, Argon2Lanes: 1})
	s.fails(t, email, here, errors.CodeInvalidCredentials)
	require.Equal(t, 1, d.Count(t, `select count(*) from users where password_hash like '%m=7168,%'`))
	require.NoError(t, s.login(t, email, password, here))
	assert.Equal(t, 1, d.Count(t, `select count(*) from users where password_hash like '%m=19456,%'`))
	require.NoError(t, s.login(t, email, password, here))
}

// A login with the old password fails if the password changes after the check.
func TestLoginFailsIfPasswordChangesMeanwhile(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	s.afterVerify = func() { d.Exec(t, `update users set password_hash = 'another'`) }
	err := s.login(t, u.Email, password, here)
	require.True(t, errors.HasCode(err, errors.CodeInvalidCredentials), "%v", err)
	assert.Equal(t, 1, d.Count(t, `select count(*) from sessions`), "only the one of the registration")
	failed := events(t, d, "login_failed")
	require.Len(t, failed, 1)
	assert.Equal(t, "password_changed", failed[0].reason)
}

func TestChangePasswordRevokesOtherSessions(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	p := auth.Principal{UserID: u.ID, TenantID: u.TenantID, SessionID: uuid.New()}
	change := identity.PasswordRequest{Current: password, New: "amber harbour seven lanterns"}
	require.NoError(t, s.ChangePassword(server.WithClient(t.Context(), here), p, change))
	assert.Zero(t, d.Count(t, `select count(*) from sessions where revoked_at is null`), "the session of the registration is another one")
	changed := events(t, d, "password_changed")
	require.Len(t, changed, 1)
	assert.Equal(t, u.TenantID, changed[0].tenant)
	s.afterVerify = nil
	s.fails(t, u.Email, here, errors.CodeInvalidCredentials)

	change = identity.PasswordRequest{Current: change.New, New: password}
	s.afterVerify = func() { d.Exec(t, `update users set password_hash = 'another'`) }
	err := s.ChangePassword(server.WithClient(t.Context(), here), p, change)
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "another request has changed the password: %v", err)
	assert.Len(t, events(t, d, "password_changed"), 1)

	err = s.ChangePassword(server.WithClient(t.Context(), here), auth.Principal{UserID: uuid.New(), TenantID: u.TenantID}, change)
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%v", err)
}

// A password is not changed while a session is opened with the old one, so the change finds and ends
// that session.
func TestPasswordChangeWaitsForLogin(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	accounts := account.NewStore(d.Pool)
	changed := make(chan error, 1)
	require.NoError(t, d.Pool.InTx(db.WithUser(t.Context(), u.ID), func(ctx context.Context) error {
		old, err := accounts.Password(ctx, u.ID)
		require.NoError(t, err)
		unchanged, err := accounts.Unchanged(ctx, u.ID, old)
		require.NoError(t, err)
		require.True(t, unchanged)
		go func() { //nolint:contextcheck // a request of its own
			p := auth.Principal{UserID: u.ID, TenantID: u.TenantID, SessionID: uuid.New()}
			change := identity.PasswordRequest{Current: password, New: "amber harbour seven lanterns"}
			changed <- s.ChangePassword(server.WithClient(t.Context(), here), p, change)
		}()
		d.AwaitLock(t) //nolint:contextcheck // asks outside of the transaction
		_, err = s.sessions.Open(ctx, u.TenantID, u.ID)
		return err
	}))
	require.NoError(t, <-changed)
	assert.Equal(t, 2, d.Count(t, `select count(*) from sessions where revoked_at is not null`), "of the registration and the login")
}

// countingPasswords counts the passwords that are checked.
type countingPasswords struct {
	identity.Passwords
	checks, dummies atomic.Int64
}

func (p *countingPasswords) VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error) {
	p.checks.Add(1)
	return p.Passwords.VerifyPassword(ctx, hash, password)
}

func (p *countingPasswords) Dummy(ctx context.Context, password string) error {
	p.dummies.Add(1)
	return p.Passwords.Dummy(ctx, password)
}

// One password is checked for each login that is not locked, whether or not the email has an account.
func TestLoginChecksOnePasswordForUnknownEmailToo(t *testing.T) {
	t.Parallel()
	s, _ := one(t)
	u := s.register(t)
	counting := &countingPasswords{Passwords: s.hasher}
	s.Service = identity.NewService(s.pool, counting, counting, s.sessions, s.trail, s.currentLimits)
	s.fails(t, u.Email, here, errors.CodeInvalidCredentials)
	assert.EqualValues(t, 1, counting.checks.Load())
	assert.Zero(t, counting.dummies.Load())
	s.fails(t, nobody(), here, errors.CodeInvalidCredentials)
	assert.EqualValues(t, 1, counting.checks.Load())
	assert.EqualValues(t, 1, counting.dummies.Load())
}
