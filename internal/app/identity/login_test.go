package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func nobody() string { return uuid.NewString() + "@example.com" }

func TestRegisterOpensASession(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	assert.Equal(t, 1, d.Count(t, `select count(*) from sessions where user_id = $1 and remote_ip = '192.0.2.7'`, u.ID))
	registered := s.trail.of("tenant_registered")
	require.Len(t, registered, 1)
	assert.Equal(t, u.TenantID.String(), registered[0].tenant)
	assert.Len(t, s.trail.of("token_issued"), 1)

	_, _, err := s.Register(t.Context(), identity.Registration{TenantName: "T", Email: u.Email, Password: password}, here)
	assert.True(t, errors.HasCode(err, errors.CodeConflict), err)
	assert.Equal(t, 1, d.Count(t, `select count(*) from tenants`))
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	tokens, err := s.Login(t.Context(), identity.Credentials{Email: " " + u.Email, Password: password}, here)
	require.NoError(t, err)
	assert.NotEmpty(t, tokens.AccessToken)
	assert.NotEmpty(t, tokens.RefreshToken)
	assert.Equal(t, 2, d.Count(t, `select count(*) from sessions`))
	succeeded := s.trail.of("login_succeeded")
	require.Len(t, succeeded, 1)
	assert.Equal(t, u.TenantID.String(), succeeded[0].tenant)
	assert.Equal(t, tokens.SessionID, succeeded[0].SessionID)
	assert.Equal(t, 0, d.Count(t, `select coalesce(sum(failures), 0) from login_failures`))

	_, err = s.Login(t.Context(), identity.Credentials{Email: u.Email, Password: password, TenantID: uuid.New()}, here)
	assert.True(t, errors.HasCode(err, errors.CodeTenantAccessDenied), err)
	_, err = s.Login(t.Context(), identity.Credentials{Email: u.Email, Password: wrong, TenantID: uuid.New()}, here)
	assert.True(t, errors.HasCode(err, errors.CodeInvalidCredentials), "a wrong password does not tell who is a member: %v", err)
	s.fails(t, u.Email, here, errors.CodeInvalidCredentials)
	s.fails(t, nobody(), here, errors.CodeInvalidCredentials)

	want := []struct {
		reason, tenant string
		actor          uuid.UUID
	}{
		{"not_a_member", u.TenantID.String(), u.ID}, // a tenant in which one is not hides nothing
		{"invalid_credentials", u.TenantID.String(), u.ID},
		{"invalid_credentials", u.TenantID.String(), u.ID},
		{"invalid_credentials", "", uuid.Nil},
	}
	failed := s.trail.of("login_failed")
	require.Len(t, failed, len(want))
	for i, w := range want {
		assert.Equal(t, w.reason, failed[i].Reason)
		assert.Equal(t, w.tenant, failed[i].tenant)
		assert.Equal(t, w.actor, failed[i].ActorID)
		assert.Equal(t, here.RemoteIP, failed[i].RemoteIP)
	}
}

func TestAbsurdPasswordIsNotLookedAt(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	err := s.login(t, nobody(), logging.Secret(strings.Repeat("a", 1<<20)), here)
	require.True(t, errors.HasCode(err, errors.CodeValidation), "%v", err)
	assert.Zero(t, d.Count(t, `select count(*) from login_failures`))
}

// What is asked of the database tells nothing either, failed, locking and locked.
func TestLoginAsksTheSameForEveryEmail(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	host, err := platformtest.Target(d.DSN)
	require.NoError(t, err)
	proxy := platformtest.NewProxy(t, host)
	s := newService(t, apptest.Pool(t, proxy.DSN(d.DSN)), cheap)
	s.pool.SQL().SetMaxOpenConns(1) // so that every statement is prepared once
	known, unknown := s.register(t).Email, nobody()
	s.setLimits(identity.Limits{MaxFailures: 1, MaxFailuresPerAddress: 1000, Lockout: time.Minute})
	s.fails(t, nobody(), here, errors.CodeInvalidCredentials) // prepares what is needed
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
	of := trips(known)
	assert.Equal(t, of, trips(unknown))
	t.Logf("round trips of failed logins: %v", of)
}

func TestOutdatedHashIsReplaced(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	email := newService(t, d.Pool, cheap).register(t).Email
	s := newService(t, d.Pool, auth.PasswordOptions{})
	s.fails(t, email, here, errors.CodeInvalidCredentials)
	require.Equal(t, 1, d.Count(t, `select count(*) from users where password_hash like '%m=7168,%'`))
	require.NoError(t, s.login(t, email, password, here))
	assert.Equal(t, 1, d.Count(t, `select count(*) from users where password_hash like '%m=19456,%'`))
	require.NoError(t, s.login(t, email, password, here))
}

// A password that is changed while somebody logs in with the old one opens nothing.
func TestLoginLosesAgainstAPasswordChange(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	s.client.leave = func() { d.Exec(t, `update users set password_hash = 'another'`) }
	err := s.login(t, u.Email, password, here)
	require.True(t, errors.HasCode(err, errors.CodeInvalidCredentials), "%v", err)
	assert.Equal(t, 1, d.Count(t, `select count(*) from sessions`), "that of the registration")
	failed := s.trail.of("login_failed")
	require.Len(t, failed, 1)
	assert.Equal(t, "password_changed", failed[0].Reason)
}
