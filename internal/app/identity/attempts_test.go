package identity_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestAccountIsLocked(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		s, d := one(t)
		email := nobody()
		if known {
			email = s.register(t).Email
		}
		for range 5 {
			s.fails(t, email, here, errors.CodeInvalidCredentials)
		}
		elsewhere := session.Client{RemoteIP: "198.51.100.1"}
		for range 3 {
			err := s.login(t, email, password, elsewhere)
			require.True(t, errors.HasCode(err, errors.CodeRateLimitExceeded), "%v", err)
			assert.InDelta(t, 15*60, errors.From(err).RetryAfter.Seconds(), 60)
		}
		locked := s.trail.of("account_locked")
		require.Len(t, locked, 1, "once a lock")
		assert.Equal(t, "account", locked[0].TargetType)
		assert.Equal(t, known, locked[0].tenant != "")
		assert.Len(t, s.trail.of("login_failed"), 5)

		// Another replica, or this one after a restart, knows it as well.
		d.Exec(t, `update login_failures set locked_until = now() - interval '1 second' where locked_until is not null`)
		for range 5 {
			s.fails(t, email, here, errors.CodeInvalidCredentials)
		}
		s.fails(t, email, here, errors.CodeRateLimitExceeded)
		assert.Len(t, s.trail.of("account_locked"), 2)
	}
}

func TestLockSurvivesARestart(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	a := newService(t, d.Pool, cheap)
	email := a.register(t).Email
	for range 5 {
		a.fails(t, email, here, errors.CodeInvalidCredentials)
	}
	newService(t, apptest.Pool(t, d.DSN), cheap).fails(t, email, here, errors.CodeRateLimitExceeded)
}

func TestSuccessBeginsAnew(t *testing.T) {
	t.Parallel()
	s, _ := one(t)
	email := s.register(t).Email
	for range 3 {
		for range 4 {
			s.fails(t, email, here, errors.CodeInvalidCredentials)
		}
		require.NoError(t, s.login(t, email, password, here), "the fifth is right")
	}
	assert.Empty(t, s.trail.of("account_locked"))
}

func TestFailuresAreForgotten(t *testing.T) {
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
	d.Exec(t, `update login_failures set last_at = now() - interval '25 hours', locked_until = null`)
	s.fails(t, nobody(), session.Client{RemoteIP: "198.51.100.1"}, errors.CodeInvalidCredentials)
	assert.Equal(t, 2, d.Count(t, `select count(*) from login_failures`), "old rows are gone")
}

func TestGuessesInParallelAreNoMore(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	replicas := []*service{newService(t, d.Pool, cheap), newService(t, apptest.Pool(t, d.DSN), cheap)}
	email := replicas[0].register(t).Email
	var judged, refused atomic.Int32
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			switch err := replicas[i%2].login(t, email, wrong, here); {
			case errors.HasCode(err, errors.CodeInvalidCredentials):
				judged.Add(1)
			case errors.HasCode(err, errors.CodeRateLimitExceeded):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 5, judged.Load())
	assert.EqualValues(t, 35, refused.Load())
	assert.Len(t, append(replicas[0].trail.of("account_locked"), replicas[1].trail.of("account_locked")...), 1)
}

// More right logins at once than may fail wait for each other, and are not taken for guesses.
func TestLoginsInParallelAreNoGuesses(t *testing.T) {
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

// What a process has taken up that died is free again after a minute, also where others log in all the time; until then an attempt
// waits.
func TestWhatTheDeadHaveTakenIsFreed(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	require.NoError(t, s.login(t, email, password, here))
	const pending = `select sum(pending) from login_failures`
	d.Exec(t, `update login_failures set pending = 5, pending_since = now() where key = sha256('account' || '\x00'::bytea || $1::bytea)`, email)
	require.Equal(t, 5, d.Count(t, pending))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := s.Login(ctx, identity.Credentials{Email: email, Password: password}, here)
	require.Error(t, err, "while others have all there are")
	assert.Equal(t, 5, d.Count(t, pending), "who gives up keeps nothing")
	s.fails(t, email, here, errors.CodeRateLimitExceeded)
	assert.Equal(t, 5, d.Count(t, pending), "nor does who has waited for long")

	d.Exec(t, `update login_failures set pending_since = now() - interval '61 seconds', last_at = now()`)
	require.NoError(t, s.login(t, email, password, here))
	assert.Zero(t, d.Count(t, pending))
}

// Failures of the past are no reason to wait.
func TestNobodyWaitsForThePast(t *testing.T) {
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

func TestPanicKeepsNothing(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	s.client.leave = func() { panic("in the hash") }
	assert.Panics(t, func() { _ = s.login(t, email, password, here) })
	assert.Zero(t, d.Count(t, `select sum(pending + failures) from login_failures`))
}

func TestALockedAccountCostsItsAddressNothing(t *testing.T) {
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

// At an address one failure now and then, each by somebody else, adds up to nothing; at an account it does.
func TestFailuresOfThePastCountAtAnAccount(t *testing.T) {
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
		s.fails(t, email, session.Client{RemoteIP: "198.51.100." + strconv.Itoa(i)}, errors.CodeInvalidCredentials)
		if i < 3 {
			d.Exec(t, later)
		}
	}
	s.fails(t, email, session.Client{RemoteIP: "198.51.100.9"}, errors.CodeRateLimitExceeded)
}

// A client that does not wait for the answer is counted and recorded all the same.
func TestGuessOfAClientThatHasGoneCounts(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	email := s.register(t).Email
	ctx, cancel := context.WithCancel(t.Context())
	s.client.leave = cancel
	_, err := s.Login(ctx, identity.Credentials{Email: email, Password: wrong}, here)
	require.Error(t, err)
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	assert.Equal(t, 2, d.Count(t, `select sum(failures) from login_failures`))
	assert.Len(t, s.trail.of("login_failed"), 1)
}

func TestAddressIsLocked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ from, same, other string }{
		"IPv4":         {"192.0.2.7", "192.0.2.7", "192.0.2.8"},
		"IPv6 network": {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"},
		"no address":   {"@", "@", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, d := one(t)
			s.setLimits(identity.Limits{MaxFailures: 5, MaxFailuresPerAddress: 6, Lockout: time.Minute})
			email := s.register(t).Email
			from := session.Client{RemoteIP: tt.from}
			for range 5 {
				s.fails(t, nobody(), from, errors.CodeInvalidCredentials)
				require.NoError(t, s.login(t, email, password, from), "a success neither counts nor forgives")
			}
			s.fails(t, nobody(), from, errors.CodeInvalidCredentials)
			before := d.Count(t, `select count(*) from login_failures`)
			err := s.login(t, email, password, session.Client{RemoteIP: tt.same})
			require.True(t, errors.HasCode(err, errors.CodeRateLimitExceeded), "%v", err)
			s.fails(t, nobody(), from, errors.CodeRateLimitExceeded)
			assert.Equal(t, before, d.Count(t, `select count(*) from login_failures`), "a locked address counts against no account")
			require.NoError(t, s.login(t, email, password, session.Client{RemoteIP: tt.other}))
			locked := s.trail.of("account_locked")
			require.Len(t, locked, 1)
			assert.Equal(t, "address", locked[0].TargetType)
		})
	}
}

func TestLimitsAreLive(t *testing.T) {
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

// A service that is too busy to judge counts nothing.
func TestBusyServiceLocksNobody(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	options := cheap
	options.Concurrency, options.Waiting = 1, 1
	s := newService(t, d.Pool, options)
	email := s.register(t).Email
	s.setLimits(identity.Limits{MaxFailures: 20, MaxFailuresPerAddress: 20, Lockout: time.Minute})
	var busy atomic.Int32
	var all sync.WaitGroup
	for range 15 {
		all.Go(func() {
			err := s.login(t, email, password, here)
			if errors.HasCode(err, errors.CodeServiceUnavailable) {
				busy.Add(1)
				assert.Positive(t, errors.From(err).RetryAfter)
				return
			}
			assert.NoError(t, err)
		})
	}
	all.Wait()
	require.Positive(t, busy.Load(), "the test is about a service that is busy")
	assert.Zero(t, d.Count(t, `select coalesce(sum(failures), 0) from login_failures`))
	require.NoError(t, s.login(t, email, password, here))
}
