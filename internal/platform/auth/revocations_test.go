package auth_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// ofSession returns the principal of a token of a session and generation.
func ofSession(id uuid.UUID, generation int64) auth.Principal {
	return auth.Principal{UserID: user, TenantID: tenant, SessionID: id, Generation: generation}
}

func TestRevocationsCheck(t *testing.T) {
	t.Parallel()
	const all = math.MaxInt64
	later := now.Add(time.Minute)
	id, other := uuid.New(), uuid.New()
	errLookup := errors.Sentinel("the database is down")
	says := func(minGeneration int64, known bool, err error) auth.Lookup {
		return func(_ context.Context, asked uuid.UUID) (int64, bool, error) {
			assert.Equal(t, id, asked)
			return minGeneration, known, err
		}
	}
	tests := map[string]struct {
		add       func(*auth.Revocations)
		connected bool
		lookup    auth.Lookup
		principal auth.Principal
		want      bool
		code      errors.Code
	}{
		"nothing is revoked":          {connected: true, principal: ofSession(id, 0)},
		"another session is":          {connected: true, principal: ofSession(id, 0), add: func(r *auth.Revocations) { r.Add(other, all, later) }},
		"the session is":              {connected: true, principal: ofSession(id, 7), add: func(r *auth.Revocations) { r.Add(id, all, later) }, want: true},
		"an older generation":         {connected: true, principal: ofSession(id, 2), add: func(r *auth.Revocations) { r.Add(id, 3, later) }, want: true},
		"the first good generation":   {connected: true, principal: ofSession(id, 3), add: func(r *auth.Revocations) { r.Add(id, 3, later) }},
		"the strictest counts":        {connected: true, principal: ofSession(id, 3), add: func(r *auth.Revocations) { r.Add(id, 4, later); r.Add(id, 2, later) }, want: true},
		"already expired":             {connected: true, principal: ofSession(id, 0), add: func(r *auth.Revocations) { r.Add(id, all, now) }},
		"no session":                  {principal: ofSession(uuid.Nil, 0)},
		"not connected, listed":       {principal: ofSession(id, 0), add: func(r *auth.Revocations) { r.Add(id, all, later) }, lookup: says(0, false, errLookup), want: true},
		"not connected, not revoked":  {principal: ofSession(id, 0), lookup: says(0, false, nil)},
		"not connected, revoked":      {principal: ofSession(id, 0), lookup: says(1, true, nil), want: true},
		"not connected, newer":        {principal: ofSession(id, 1), lookup: says(1, true, nil)},
		"not connected, unknown":      {principal: ofSession(id, 0), lookup: says(1, false, nil)},
		"not connected, lookup fails": {principal: ofSession(id, 0), lookup: says(0, false, errLookup), code: errors.CodeServiceUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := auth.NewRevocations(tt.lookup).At(func() time.Time { return now })
			if tt.add != nil {
				tt.add(r)
			}
			r.Connected(tt.connected)
			r.Alive(now)
			got, err := r.Check(t.Context(), tt.principal)
			assert.Equal(t, tt.want, got)
			if tt.code == (errors.Code{}) {
				require.NoError(t, err)
				return
			}
			require.True(t, errors.HasCode(err, tt.code), err)
			assert.Positive(t, errors.From(err).RetryAfter)
		})
	}
}

func TestRevocationsLookUpWhileDisconnected(t *testing.T) {
	t.Parallel()
	asked := 0
	r := auth.NewRevocations(func(context.Context, uuid.UUID) (int64, bool, error) {
		asked++
		return 0, false, nil
	})
	for _, step := range []struct {
		connected bool
		want      int
	}{{true, 0}, {false, 1}, {true, 1}, {false, 2}} {
		r.Connected(step.connected)
		r.Alive(time.Now())
		revoked, err := r.Check(t.Context(), ofSession(uuid.New(), 0))
		require.NoError(t, err)
		assert.False(t, revoked)
		assert.Equal(t, step.want, asked)
	}
}

// A process that was suspended has missed revocations: the cache counts for a second after the last
// time at which it is known to be complete.
func TestRevocationsLookUpWithoutARecentHeartbeat(t *testing.T) {
	t.Parallel()
	clock, asked := now, 0
	r := auth.NewRevocations(func(context.Context, uuid.UUID) (int64, bool, error) {
		asked++
		return 0, false, nil
	}).At(func() time.Time { return clock })
	looksUp := func() bool {
		before := asked
		_, err := r.Check(t.Context(), ofSession(uuid.New(), 0))
		require.NoError(t, err)
		return asked > before
	}
	r.Connected(true)
	assert.True(t, looksUp(), "the process may have been suspended since the list was read")
	r.Connected(false)
	r.Alive(clock)
	assert.True(t, looksUp(), "a heartbeat does not connect")
	r.Connected(true)
	assert.False(t, looksUp())
	clock = clock.Add(999 * time.Millisecond)
	assert.False(t, looksUp())
	clock = clock.Add(time.Millisecond)
	assert.True(t, looksUp(), "a second without a heartbeat")
	r.Alive(clock.Add(-time.Second))
	assert.True(t, looksUp(), "a heartbeat from before the process was suspended")
	r.Alive(clock.Add(-time.Millisecond))
	r.Alive(clock.Add(-time.Hour)) // does not shorten
	assert.False(t, looksUp())
	r.Connected(false)
	r.Alive(clock)
	assert.True(t, looksUp())
}

func TestExpiredRevocationsAreRemoved(t *testing.T) {
	t.Parallel()
	clock := now
	r := auth.NewRevocations(nil).At(func() time.Time { return clock })
	extended := uuid.New()
	for range 1000 {
		r.Add(uuid.New(), 1, clock.Add(time.Minute))
	}
	r.Add(extended, 1, clock.Add(time.Hour))
	r.Add(extended, 1, clock.Add(time.Minute)) // does not shorten
	require.Equal(t, 1001, r.Len())

	clock = clock.Add(2 * time.Minute)
	r.Add(uuid.New(), 1, clock.Add(time.Minute))
	assert.Equal(t, 2, r.Len())
	revoked, err := r.Check(t.Context(), ofSession(extended, 0))
	require.NoError(t, err)
	assert.True(t, revoked)
}

func TestVerifierChecksRevocations(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	r := auth.NewRevocations(func(context.Context, uuid.UUID) (int64, bool, error) {
		return 0, false, errors.Sentinel("the database is down")
	}).At(func() time.Time { return now })
	verifier := newVerifier(t, keys, func(o *auth.VerifierOptions) { o.Revoked = r.Check })
	p := ofSession(uuid.New(), 4)
	token, expires, err := newIssuer(t, keys).Issue(p)
	require.NoError(t, err)

	_, err = verifier.Verify(t.Context(), token)
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
	r.Connected(true)
	r.Alive(now)
	_, err = verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	r.Add(p.SessionID, 5, expires)
	_, err = verifier.Verify(t.Context(), token)
	assert.True(t, errors.HasCode(err, errors.CodeTokenRevoked), err)
}

func TestRevocationsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	r := auth.NewRevocations(nil)
	r.Connected(true)
	r.Alive(time.Now().Add(time.Hour))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				id := uuid.New()
				r.Add(id, 1, time.Now().Add(time.Minute))
				revoked, err := r.Check(t.Context(), ofSession(id, 0))
				assert.NoError(t, err)
				assert.True(t, revoked)
			}
		})
	}
	all.Wait()
	assert.Equal(t, 1600, r.Len())
}

// BenchmarkRevocationsCheck measures the check of every request, with as many revocations as a busy
// service has in the lifetime of an access token.
func BenchmarkRevocationsCheck(b *testing.B) {
	r := auth.NewRevocations(nil)
	r.Connected(true)
	r.Alive(time.Now().Add(time.Hour))
	for range 10_000 {
		r.Add(uuid.New(), 1, time.Now().Add(time.Hour))
	}
	p := ofSession(uuid.New(), 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if revoked, err := r.Check(b.Context(), p); revoked || err != nil {
				b.Error(revoked, err)
				return
			}
		}
	})
}
