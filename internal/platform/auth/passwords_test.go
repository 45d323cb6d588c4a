package auth_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const password = "a long and winding road"

// cheap hashes keep the tests quick; the defaults have a test of their own.
func cheap(t testing.TB, edits ...func(*auth.PasswordOptions)) *auth.Passwords {
	t.Helper()
	o := auth.PasswordOptions{MemoryKiB: 64, Passes: 1}
	for _, edit := range edits {
		edit(&o)
	}
	p, err := auth.NewPasswords(o)
	require.NoError(t, err)
	return p
}

func TestPasswordsDefaultToOWASP(t *testing.T) {
	t.Parallel()
	p, err := auth.NewPasswords(auth.PasswordOptions{})
	require.NoError(t, err)
	hash, err := p.HashPassword(t.Context(), password)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), hash)

	ok, rehash, err := p.VerifyPassword(t.Context(), hash, password)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.False(t, rehash)
	require.NoError(t, p.Dummy(t.Context(), password))
}

func TestVerifyPassword(t *testing.T) {
	t.Parallel()
	p := cheap(t)
	hash, err := p.HashPassword(t.Context(), "caf\u00e9 au lait, s'il vous pla\u00eet")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		password string
		want     bool
	}{
		"same":              {"caf\u00e9 au lait, s'il vous pla\u00eet", true},
		"composed by parts": {"cafe\u0301 au lait, s'il vous plai\u0302t", true},
		"without accents":   {"cafe au lait, s'il vous plait", false},
		"another case":      {"Caf\u00e9 au lait, s'il vous pla\u00eet", false},
		"cut":               {"caf\u00e9 au lait, s'il vous pla\u00ee", false},
		"empty":             {"", false},
	} {
		ok, rehash, err := p.VerifyPassword(t.Context(), hash, c.password)
		require.NoError(t, err)
		assert.Equal(t, c.want, ok, name)
		assert.False(t, rehash, name)
	}
	again, err := p.HashPassword(t.Context(), "caf\u00e9 au lait, s'il vous pla\u00eet")
	require.NoError(t, err)
	require.NotEqual(t, hash, again, "the salt is new each time")
}

// The end of a long password counts: bcrypt would have cut it after 72 bytes.
func TestLongPasswordsAreNotCut(t *testing.T) {
	t.Parallel()
	p := cheap(t)
	long := strings.Repeat("x", 127)
	hash, err := p.HashPassword(t.Context(), long+"y")
	require.NoError(t, err)
	ok, _, err := p.VerifyPassword(t.Context(), hash, long+"z")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestRehashWhenTheCostChanged(t *testing.T) {
	t.Parallel()
	before, after := cheap(t), cheap(t, func(o *auth.PasswordOptions) { o.Passes = 2 })
	hash, err := before.HashPassword(t.Context(), password)
	require.NoError(t, err)

	ok, rehash, err := after.VerifyPassword(t.Context(), hash, password)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, rehash)

	ok, rehash, err = after.VerifyPassword(t.Context(), hash, "wrong")
	require.NoError(t, err)
	assert.False(t, ok)
	assert.False(t, rehash, "a wrong password is not to be stored")
}

// The vector was made with the reference implementation's command:
// echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1.
func TestVerifyPasswordReadsHashesOfOthers(t *testing.T) {
	t.Parallel()
	ok, rehash, err := cheap(t).VerifyPassword(t.Context(),
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, rehash)
}

func TestMalformedHashesAreErrors(t *testing.T) {
	t.Parallel()
	p := cheap(t)
	const good = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	_, _, err := p.VerifyPassword(t.Context(), good, password)
	require.NoError(t, err)
	for _, change := range [][2]string{
		{good, ""}, {"$argon2id", "argon2id"}, {"argon2id", "argon2i"}, {"argon2id", "argon2d"}, {"v=19", "v=16"}, {"v=19$", ""},
		{"m=64", "m=064"}, {"m=64", "m=+64"}, {"m=64", "m=-1"}, {"m=64", "m=7"}, {"m=64", "m=4294967295"}, {"m=64", "m=4294967360"},
		{"m=64", "m=262145"}, {"t=1", "t=0"}, {"t=1", "t=17"}, {"p=1", "p=0"}, {"p=1", "p=17"}, {"p=1", "p=257"}, {"p=1", "p=9"},
		{"m=64,t=1", "t=1,m=64"}, {",p=1", ""}, {"p=1", "p=1,p=1"}, {"p=1", "p=1,data=x"},
		{"c29tZXNhbHQ", "c29tZXNhbHQ="}, {"c29tZXNhbHQ", "c29tZXNhbHR"}, {"c29tZXNhbHQ", "c29t\nZXNhbHQ"}, {"c29tZXNhbHQ", "c29t"},
		{"c29tZXNhbHQ", ""}, {"c29tZXNhbHQ", strings.Repeat("A", 88)}, {"CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFh"},
		{"CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", strings.Repeat("A", 88)}, {"PPc", "PPc$"}, {"PPc", "PPc "}, {"PPc", "PPc\n"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		ok, _, err := p.VerifyPassword(t.Context(), bad, password)
		require.Error(t, err, bad)
		assert.False(t, ok)
		assert.NotContains(t, err.Error(), "CTFh")
	}
}

func TestNewPasswordsRefusesAbsurdCosts(t *testing.T) {
	t.Parallel()
	for _, o := range []auth.PasswordOptions{{MemoryKiB: 7}, {MemoryKiB: 1 << 20}, {Passes: 100}, {Lanes: 200}} {
		_, err := auth.NewPasswords(o)
		assert.Error(t, err)
	}
}

// With one turn that is taken, the next caller waits, and gives up with its ctx.
func TestHashesWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := cheap(t, func(o *auth.PasswordOptions) { o.Concurrency = 1 })
		release := p.TakeTurn()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := p.HashPassword(ctx, password)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, p.Dummy(ctx, password), context.DeadlineExceeded)

		var done atomic.Bool
		go func() {
			_, err := p.HashPassword(t.Context(), password)
			assert.NoError(t, err)
			done.Store(true)
		}()
		synctest.Wait()
		require.False(t, done.Load(), "two hashes at a time")
		release()
		synctest.Wait()
		require.True(t, done.Load())
	})
}

// A flood of logins is sent away: beyond the queue at once, in the queue after five seconds.
func TestHashQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := cheap(t, func(o *auth.PasswordOptions) { o.Concurrency, o.Waiting = 1, 2 })
		release := p.TakeTurn()
		start := time.Now()
		waited := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := p.HashPassword(t.Context(), password)
				waited <- err
			}()
		}
		synctest.Wait()
		for range 10 {
			requireBusy(t, p.Dummy(t.Context(), password))
		}
		require.Zero(t, time.Since(start), "who finds the queue full does not wait")

		requireBusy(t, <-waited)
		requireBusy(t, <-waited)
		require.Equal(t, 5*time.Second, time.Since(start))

		go func() {
			_, err := p.HashPassword(t.Context(), password)
			waited <- err
		}()
		synctest.Wait()
		release()
		require.NoError(t, <-waited, "those who gave up have left the queue")
	})
}

func requireBusy(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	require.True(t, ok, err)
	require.Equal(t, errors.CodeServiceUnavailable, e.Code)
	require.Equal(t, time.Second, e.RetryAfter)
}

func TestHashNeedsALivingContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := cheap(t).HashPassword(ctx, password)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, errors.CodeClientClosedRequest, errors.From(err).Code)
}
