package identity_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
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
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestAccountIsLockedAfterMaxFailures(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		s, d := one(t)
		email := nobody()
		if known {
			email = s.register(t).Email
		}
		for range 5 {
			s.fails(t, email, stranger, errors.CodeInvalidCredentials)
		}
		for range 3 {
			err := s.login(t, email, password, server.Client{RemoteIP: "198.51.100.1"})
			require.True(t, errors.HasCode(err, errors.CodeRateLimitExceeded), "%v", err)
			assert.InDelta(t, 15*60, errors.From(err).RetryAfter.Seconds(), 60)
		}
		locked := events(t, d, "account_locked")
		require.Len(t, locked, 1, "one entry for each lock")
		assert.Equal(t, "account", locked[0].targetType)
		assert.Equal(t, known, locked[0].tenant != uuid.Nil)
		assert.Len(t, events(t, d, "login_failed"), 5)

		// After the lock has expired, the account can be locked again.
		d.Exec(t, `update login_failures set locked_until = now() - interval '1 second' where locked_until is not null`)
		for range 5 {
			s.fails(t, email, stranger, errors.CodeInvalidCredentials)
		}
		s.fails(t, email, stranger, errors.CodeRateLimitExceeded)
		assert.Len(t, events(t, d, "account_locked"), 2)
	}
}

// stranger is a client at an address from which no account has logged in.
var stranger = server.Client{RemoteIP: "203.0.113.9"}

// Failures from elsewhere lock an account elsewhere only, not at an address from which it has logged
// in and not for its sessions. Its own failures count there.
func TestFailuresElsewhereDoNotLockTheOwnerOut(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	phone := server.Client{RemoteIP: "2001:db8:1:2::1"}
	require.NoError(t, s.login(t, u.Email, password, phone))
	for range 5 {
		s.fails(t, u.Email, stranger, errors.CodeInvalidCredentials)
	}
	s.fails(t, u.Email, server.Client{RemoteIP: "198.51.100.1"}, errors.CodeRateLimitExceeded)
	require.NoError(t, s.login(t, u.Email, password, here), "the address of the registration")
	require.NoError(t, s.login(t, u.Email, password, server.Client{RemoteIP: "2001:db8:1:2::2"}), "the network of a login")

	p := auth.Principal{UserID: u.ID, TenantID: u.TenantID, SessionID: uuid.New()}
	change := func(current logging.Secret, next logging.Secret) error {
		return s.ChangePassword(server.WithClient(t.Context(), stranger), p, identity.PasswordRequest{Current: current, New: next})
	}
	const next = "amber harbour seven lanterns"
	require.NoError(t, change(password, next), "a session")
	for range 5 {
		require.True(t, errors.HasCode(change(wrong, password), errors.CodeValidation))
		s.fails(t, u.Email, phone, errors.CodeInvalidCredentials)
	}
	require.True(t, errors.HasCode(change(next, password), errors.CodeRateLimitExceeded), "guesses of a session count")
	s.fails(t, u.Email, phone, errors.CodeRateLimitExceeded)
	require.NoError(t, s.login(t, u.Email, next, here))
	assert.Equal(t, 2, d.Count(t, `select count(*) from login_addresses`))
}

func TestLockHoldsOnAnotherReplica(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	a := newService(t, d.Pool, cheap)
	email := a.register(t).Email
	for range 5 {
		a.fails(t, email, here, errors.CodeInvalidCredentials)
	}
	newService(t, apptest.Pool(t, d.DSN), cheap).fails(t, email, here, errors.CodeRateLimitExceeded)
}

func TestSuccessResetsFailuresOfAccount(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	for range 3 {
		for range 4 {
			s.fails(t, email, here, errors.CodeInvalidCredentials)
		}
		require.NoError(t, s.login(t, email, password, here), "the fifth attempt")
	}
	assert.Empty(t, events(t, d, "account_locked"))
}

func TestFailuresExpire(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	for range 4 {
		s.fails(t, email, here, errors.CodeInvalidCredentials)
	}
	d.Exec(t, `update login_failures set last_at = now() - interval '16 minutes', since = now() - interval '16 minutes'`)
	for range 5 {
		s.fails(t, email, here, errors.CodeInvalidCredentials)
	}
	s.fails(t, email, here, errors.CodeRateLimitExceeded)
}

func TestParallelGuessesAreLimited(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	replicas := []*service{newService(t, d.Pool, cheap), newService(t, apptest.Pool(t, d.DSN), cheap)}
	email := replicas[0].register(t).Email
	var checked, rejected atomic.Int32
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			switch err := replicas[i%2].login(t, email, wrong, here); {
			case errors.HasCode(err, errors.CodeInvalidCredentials):
				checked.Add(1)
			case errors.HasCode(err, errors.CodeRateLimitExceeded):
				rejected.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 5, checked.Load())
	assert.EqualValues(t, 35, rejected.Load())
	assert.Len(t, events(t, d, "account_locked"), 1)
}

// Parallel logins with the right password wait for each other when there are more of them than
// remaining failures.
func TestParallelLoginsSucceed(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	replicas := []*service{newService(t, d.Pool, cheap), newService(t, apptest.Pool(t, d.DSN), cheap)}
	email := replicas[0].register(t).Email
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() { assert.NoError(t, replicas[i%2].login(t, email, password, here)) })
	}
	all.Wait()
	assert.Zero(t, d.Count(t, `select sum(failures + pending) from login_failures`))
	assert.Equal(t, 13, d.Count(t, `select count(*) from sessions`))
}

// The reservations of a process that has died expire after a minute, even if the account has other
// logins all the time. Until then attempts wait.
func TestAbandonedReservationsExpire(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	require.NoError(t, s.login(t, email, password, here))
	const pending = `select sum(pending) from login_failures`
	d.Exec(t, `update login_failures set pending = 5, pending_since = now() where key <> sha256('address' || '\x00'::bytea || $1::bytea)`, here.RemoteIP)
	require.Equal(t, 5, d.Count(t, pending))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := s.Login(server.WithClient(ctx, here), identity.LoginRequest{Email: email, Password: password})
	require.Error(t, err, "all attempts are reserved")
	assert.Equal(t, 5, d.Count(t, pending), "a canceled attempt keeps no reservation")
	s.fails(t, email, here, errors.CodeRateLimitExceeded)
	assert.Equal(t, 5, d.Count(t, pending), "an attempt that waited too long keeps no reservation")

	d.Exec(t, `update login_failures set pending_since = now() - interval '61 seconds', last_at = now()`)
	require.NoError(t, s.login(t, email, password, here))
	assert.Zero(t, d.Count(t, pending))
}

// Expired failures do not make an attempt wait.
func TestNoWaitForExpiredFailures(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	require.NoError(t, s.login(t, email, password, here))
	d.Exec(t, `update login_failures set failures = 49, pending = 1, pending_since = now(), since = now() - interval '16 minutes'
		where key = sha256('address' || '\x00'::bytea || '192.0.2.7')`)
	require.Equal(t, 1, d.Count(t, `select count(*) from login_failures where failures = 49`))
	start := time.Now()
	require.NoError(t, s.login(t, email, password, here))
	assert.Less(t, time.Since(start), 4*time.Second)
}

func TestPanicReleasesReservation(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	s.afterVerify = func() { panic("in the hash") }
	assert.Panics(t, func() { _ = s.login(t, email, password, here) })
	assert.Zero(t, d.Count(t, `select sum(pending + failures) from login_failures`))
}

func TestLockedAccountDoesNotCountForAddress(t *testing.T) {
	t.Parallel()
	s, _ := one(t)
	s.setLimits(identity.Limits{MaxFailures: 2, MaxFailuresPerAddress: 3, Lockout: time.Minute})
	email := s.register(t).Email
	for range 2 {
		s.fails(t, email, here, errors.CodeInvalidCredentials)
	}
	for range 5 {
		s.fails(t, email, here, errors.CodeRateLimitExceeded)
	}
	s.fails(t, nobody(), here, errors.CodeInvalidCredentials)
	s.fails(t, nobody(), here, errors.CodeRateLimitExceeded)
}

// Occasional failures never lock an address, since its users are unrelated. They do lock an
// account.
func TestOccasionalFailuresLockAccountOnly(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	s.setLimits(identity.Limits{MaxFailures: 4, MaxFailuresPerAddress: 3, Lockout: 10 * time.Minute})
	const later = `update login_failures set last_at = last_at - interval '6 minutes', since = since - interval '6 minutes'`
	for range 6 {
		s.fails(t, nobody(), here, errors.CodeInvalidCredentials)
		d.Exec(t, later)
	}
	email := nobody()
	for i := range 4 {
		s.fails(t, email, server.Client{RemoteIP: "198.51.100." + strconv.Itoa(i)}, errors.CodeInvalidCredentials)
		if i < 3 {
			d.Exec(t, later)
		}
	}
	s.fails(t, email, server.Client{RemoteIP: "198.51.100.9"}, errors.CodeRateLimitExceeded)
}

// Disconnecting before the response does not avoid the count or the audit entry.
func TestGuessOfDisconnectedClientCounts(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	ctx, cancel := context.WithCancel(t.Context())
	s.afterVerify = cancel
	_, err := s.Login(server.WithClient(ctx, here), identity.LoginRequest{Email: email, Password: wrong})
	require.Error(t, err)
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	assert.Equal(t, 2, d.Count(t, `select sum(failures) from login_failures`))
	assert.Len(t, events(t, d, "login_failed"), 1)
}

func TestAddressIsLockedAfterMaxFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ from, same, other string }{
		"IPv4":         {"192.0.2.7", "192.0.2.7", "192.0.2.8"},
		"IPv6 network": {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"},
		"no address":   {"@", "", "192.0.2.7"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, d := one(t)
			s.setLimits(identity.Limits{MaxFailures: 5, MaxFailuresPerAddress: 6, Lockout: time.Minute})
			email := s.register(t).Email
			from := server.Client{RemoteIP: tt.from}
			for range 5 {
				s.fails(t, nobody(), from, errors.CodeInvalidCredentials)
				require.NoError(t, s.login(t, email, password, from), "a success does not change the failures of an address")
			}
			s.fails(t, nobody(), from, errors.CodeInvalidCredentials)
			before := d.Count(t, `select count(*) from login_failures`)
			err := s.login(t, email, password, server.Client{RemoteIP: tt.same})
			require.True(t, errors.HasCode(err, errors.CodeRateLimitExceeded), "%v", err)
			s.fails(t, nobody(), from, errors.CodeRateLimitExceeded)
			assert.Equal(t, before, d.Count(t, `select count(*) from login_failures`), "a locked address does not count for accounts")
			require.NoError(t, s.login(t, email, password, server.Client{RemoteIP: tt.other}))
			locked := events(t, d, "account_locked")
			require.Len(t, locked, 1)
			assert.Equal(t, "address", locked[0].targetType)
		})
	}
}

func TestChangedLimitsTakeEffect(t *testing.T) {
	t.Parallel()
	s, _ := one(t)
	email := nobody()
	s.setLimits(identity.Limits{MaxFailures: 100, MaxFailuresPerAddress: 100, Lockout: time.Minute})
	for range 6 {
		s.fails(t, email, here, errors.CodeInvalidCredentials)
	}
	s.setLimits(identity.Limits{MaxFailures: 2, MaxFailuresPerAddress: 100, Lockout: time.Minute})
	s.fails(t, email, here, errors.CodeInvalidCredentials)
	s.fails(t, email, here, errors.CodeRateLimitExceeded)
}

// Logins that are rejected because the password hasher is busy do not count as failures.
func TestBusyServiceLocksNobody(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	s := newService(t, d.Pool, cheap)
	email := s.register(t).Email
	s.setLimits(identity.Limits{MaxFailures: 100, MaxFailuresPerAddress: 100, Lockout: time.Minute})
	var checks, rejected atomic.Int32
	s.isBusy = func() bool { return checks.Add(1)%2 == 0 }
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			err := s.login(t, email, password, here)
			if errors.HasCode(err, errors.CodeServiceUnavailable) {
				assert.Positive(t, errors.From(err).RetryAfter)
				rejected.Add(1)
				return
			}
			assert.NoError(t, err)
		})
	}
	all.Wait()
	s.isBusy = nil
	assert.EqualValues(t, 30, rejected.Load())
	assert.Zero(t, d.Count(t, `select coalesce(sum(failures), 0) from login_failures`))
	require.NoError(t, s.login(t, email, password, here))
}
