package auth_test

import (
	"context"
	"math"
	"reflect"
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

func cost(memory, passes uint32, lanes uint8) auth.PasswordConfig {
	return auth.PasswordConfig{Argon2Memory: memory, Argon2Passes: passes, Argon2Lanes: lanes}
}

// cheap returns a hasher with a low cost, to keep the tests fast.
func cheap(t testing.TB, edits ...func(*auth.PasswordConfig)) *auth.Passwords {
	t.Helper()
	o := cost(64, 1, 1)
	for _, edit := range edits {
		edit(&o)
	}
	p, err := auth.NewPasswords(o)
	require.NoError(t, err)
	return p
}

func TestPasswordsDefaultToOWASP(t *testing.T) {
	t.Parallel()
	var defaults []string
	for field := range reflect.TypeFor[auth.PasswordConfig]().Fields() {
		defaults = append(defaults, field.Tag.Get("env-default"))
	}
	require.Equal(t, []string{"19456", "2", "1", "0"}, defaults)
	p, err := auth.NewPasswords(cost(19456, 2, 1))
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
	require.NotEqual(t, hash, again, "each hash has a new salt")
}

// bcrypt would truncate after 72 bytes.
func TestLongPasswordsAreNotTruncated(t *testing.T) {
	t.Parallel()
	p := cheap(t)
	long := strings.Repeat("x", 127)
	hash, err := p.HashPassword(t.Context(), long+"y")
	require.NoError(t, err)
	ok, _, err := p.VerifyPassword(t.Context(), hash, long+"z")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestVerifyPasswordReportsOutdatedCost(t *testing.T) {
	t.Parallel()
	before, after := cheap(t), cheap(t, func(o *auth.PasswordConfig) { o.Argon2Passes = 2 })
	hash, err := before.HashPassword(t.Context(), password)
	require.NoError(t, err)

	ok, rehash, err := after.VerifyPassword(t.Context(), hash, password)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, rehash)

	ok, rehash, err = after.VerifyPassword(t.Context(), hash, "wrong")
	require.NoError(t, err)
	assert.False(t, ok)
	assert.False(t, rehash, "a wrong password must not be hashed again")
}

// The hash was made with the reference implementation:
// echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1.
func TestVerifyPasswordReadsReferenceHash(t *testing.T) {
	t.Parallel()
	ok, rehash, err := cheap(t).VerifyPassword(t.Context(),
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, rehash)
}

func TestVerifyPasswordRejectsMalformedHashes(t *testing.T) {
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

func TestNewPasswordsRejectsCostOutOfBounds(t *testing.T) {
	t.Parallel()
	for _, o := range []auth.PasswordConfig{
		{}, cost(7, 2, 1), cost(1<<20, 2, 1), cost(19456, 100, 1), cost(19456, 0, 1), cost(19456, 2, 200), cost(19456, 2, 0),
	} {
		_, err := auth.NewPasswords(o)
		assert.Error(t, err, o)
	}
}

// With the only slot taken, the next caller waits until its ctx ends or the slot is free.
func TestHashConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := cheap(t, func(o *auth.PasswordConfig) { o.HashConcurrency = 1 })
		release := p.Acquire()
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

// With a flood of logins, those beyond the queue fail at once, and those in the queue after five
// seconds.
func TestHashQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := cheap(t, func(o *auth.PasswordConfig) { o.HashConcurrency = 1 })
		release := p.Acquire()
		start := time.Now()
		const queue = 32 // for one slot
		waited := make(chan error, queue)
		for range queue {
			go func() {
				_, err := p.HashPassword(t.Context(), password)
				waited <- err
			}()
		}
		synctest.Wait()
		for range 10 {
			requireBusy(t, p.Dummy(t.Context(), password))
		}
		require.Zero(t, time.Since(start), "a caller that finds the queue full does not wait")
		require.Empty(t, waited, "the queue has a place for each of the others")

		for range queue {
			requireBusy(t, <-waited)
		}
		require.Equal(t, 5*time.Second, time.Since(start))

		go func() {
			_, err := p.HashPassword(t.Context(), password)
			waited <- err
		}()
		synctest.Wait()
		release()
		require.NoError(t, <-waited, "callers that gave up have left the queue")
	})
}

func requireBusy(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	require.True(t, ok, err)
	require.Equal(t, errors.CodeServiceUnavailable, e.Code)
	require.Equal(t, time.Second, e.RetryAfter)
}

func TestHashFailsWithCanceledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := cheap(t).HashPassword(ctx, password)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, errors.CodeClientClosedRequest, errors.From(err).Code)
}

// After the cost was raised, a wrong password for an older hash takes as long as for an unknown user.
func TestWrongPasswordTakesAsLongForAnOlderHash(t *testing.T) {
	current, err := auth.NewPasswords(cost(47104, 2, 1))
	require.NoError(t, err)
	took := func(verify func() error) time.Duration {
		began := time.Now()
		require.NoError(t, verify())
		return time.Since(began)
	}
	for name, lower := range map[string]auth.PasswordConfig{
		"less memory": cost(7168, 2, 1), "fewer passes": cost(47104, 1, 1), "the default before": cost(19456, 2, 1),
	} {
		older, err := auth.NewPasswords(lower)
		require.NoError(t, err)
		hash, err := older.HashPassword(t.Context(), "the right password")
		require.NoError(t, err)
		// The fastest of several attempts, of more if the machine is busy.
		known, unknown, ratio := time.Hour, time.Hour, 0.0
		for attempt := 0; attempt < 5 || attempt < 25 && math.Abs(ratio-1) > 0.35; attempt++ {
			unknown = min(unknown, took(func() error { return current.Dummy(t.Context(), "a wrong password") }))
			known = min(known, took(func() error {
				ok, _, err := current.VerifyPassword(t.Context(), hash, "a wrong password")
				assert.False(t, ok)
				return err
			}))
			ratio = known.Seconds() / unknown.Seconds()
		}
		t.Logf("%s: %.2f", name, ratio)
		assert.InDelta(t, 1, ratio, 0.35, "%s: %s, and %s for an unknown user", name, known, unknown)
	}
}
