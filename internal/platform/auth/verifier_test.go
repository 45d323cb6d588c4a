package auth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestNewVerifierRejectsOptionsThatDisableChecks(t *testing.T) {
	t.Parallel()
	keys := auth.NewKeyring(keySet(t, auth.ES256, ecKey()))
	good := auth.VerifierOptions{Issuer: issuerName, Audience: audience, Policy: policy}
	for name, o := range map[string]auth.VerifierOptions{
		"no issuer":       {Audience: audience, Policy: policy},
		"no audience":     {Issuer: issuerName, Policy: policy},
		"no policy":       {Issuer: issuerName, Audience: audience},
		"negative leeway": {Issuer: issuerName, Audience: audience, Policy: policy, Leeway: -time.Second},
		"huge leeway":     {Issuer: issuerName, Audience: audience, Policy: policy, Leeway: time.Minute + 1},
	} {
		_, err := auth.NewVerifier(keys, o)
		assert.Error(t, err, name)
	}
	_, err := auth.NewVerifier(auth.NewKeyring(nil), good)
	require.Error(t, err)
	_, err = auth.NewVerifier(keys, good)
	require.NoError(t, err)
}

func TestVerifyWithEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range []auth.Algorithm{
		auth.RS256, auth.RS384, auth.RS512, auth.ES256, auth.ES384, auth.ES512, auth.EdDSA,
	} {
		key := rsaKey()
		if alg[0] != 'R' {
			key = generate(alg)
		}
		keys := keySet(t, alg, key)
		want := auth.Principal{UserID: user, TenantID: tenant, Roles: []auth.Role{roleAdmin, roleViewer}}
		token, expires, err := newIssuer(t, keys).Issue(want)
		require.NoError(t, err, alg)
		got, err := newVerifier(t, keys).Verify(t.Context(), token)
		require.NoError(t, err, alg)
		assert.Equal(t, uuid.Version(7), uuid.MustParse(got.TokenID).Version())
		want.TokenID, want.ExpiresAt = got.TokenID, expires
		assert.Equal(t, want, got, alg)
	}
}

// The tokens of a key that no longer signs are valid until they expire.
func TestRetiredKeysStillVerify(t *testing.T) {
	t.Parallel()
	oldRSA, oldEC := keySet(t, auth.RS256, rsaKey()), keySet(t, auth.ES256, ecKey())
	edKey := generate(auth.EdDSA)
	keys := keySet(t, auth.EdDSA, edKey, rsaKey().Public(), ecKey().Public(), edKey.Public())
	verifier := newVerifier(t, keys)
	for _, set := range []*auth.KeySet{oldRSA, oldEC, keys} {
		token, _, err := newIssuer(t, set).Issue(auth.Principal{UserID: user, TenantID: tenant})
		require.NoError(t, err)
		_, err = verifier.Verify(t.Context(), token)
		require.NoError(t, err)
	}
	token, _, err := newIssuer(t, keySet(t, auth.ES256, otherKey())).Issue(auth.Principal{UserID: user, TenantID: tenant})
	require.NoError(t, err)
	_, err = verifier.Verify(t.Context(), token)
	requireRejected(t, err, errors.CodeTokenInvalid, "unknown_key", token)
}

func TestCachedTokenExpires(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	clock := now
	verifier := newVerifier(t, keys).At(func() time.Time { return clock })
	token := newForgery(keys, jwt.SigningMethodES256, ecKey()).token(t)

	for _, step := range []struct {
		after time.Duration
		code  errors.Code
		why   auth.Reason
	}{
		{0, errors.Code{}, ""},
		{15*time.Minute + leeway - 1, errors.Code{}, ""},
		{-leeway - 1, errors.CodeTokenInvalid, "not_yet_valid"}, // a clock may be set back
		{15*time.Minute + leeway, errors.CodeTokenExpired, "expired"},
	} {
		clock = now.Add(step.after)
		_, err := verifier.Verify(t.Context(), token)
		if step.why == "" {
			require.NoError(t, err, step.after)
			require.Equal(t, 1, verifier.CacheLen())
			continue
		}
		requireRejected(t, err, step.code, step.why, token)
	}
	require.Zero(t, verifier.CacheLen(), "an expired token is removed from the cache")
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const size = 8
	keys := keySet(t, auth.EdDSA, generate(auth.EdDSA))
	issuer := newIssuer(t, keys)
	verifier := newVerifier(t, keys)
	verifier.SetCacheSize(size)
	issue := func() string {
		token, _, err := issuer.Issue(auth.Principal{UserID: user, TenantID: tenant})
		require.NoError(t, err)
		return token
	}
	first := issue()
	for round := range 5 * size {
		require.True(t, round == 0 || verifier.Caches(first), "a token in use stays in the cache")
		for _, token := range []string{first, issue()} {
			_, err := verifier.Verify(t.Context(), token)
			require.NoError(t, err)
			require.LessOrEqual(t, verifier.CacheLen(), size)
		}
	}
}

func TestCallersCannotChangeCachedPrincipal(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	verifier := newVerifier(t, keys)
	token := newForgery(keys, jwt.SigningMethodES256, ecKey()).token(t)
	for range 3 {
		p, err := verifier.Verify(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, []auth.Role{roleMember}, p.Roles)
		p.Roles[0] = roleOwner
	}
}

func TestRevocationIsCheckedOnEveryCall(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	revoked, broken := false, error(nil)
	verifier := newVerifier(t, keys, func(o *auth.VerifierOptions) {
		o.Revoked = func(_ context.Context, p auth.Principal) (bool, error) {
			assert.Equal(t, "token-1", p.TokenID)
			return revoked, broken
		}
	})
	token := newForgery(keys, jwt.SigningMethodES256, ecKey()).token(t)
	_, err := verifier.Verify(t.Context(), token)
	require.NoError(t, err)

	revoked = true
	_, err = verifier.Verify(t.Context(), token)
	requireRejected(t, err, errors.CodeTokenRevoked, "revoked", token)

	revoked, broken = false, errors.Sentinel("the list cannot be read")
	p, err := verifier.Verify(t.Context(), token)
	require.ErrorIs(t, err, broken)
	require.Zero(t, p)
}

func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.EdDSA, generate(auth.EdDSA))
	issuer := newIssuer(t, keys)
	var clock atomic.Int64
	clock.Store(now.Unix())
	verifier := newVerifier(t, keys).At(func() time.Time { return time.Unix(clock.Load(), 0) })
	verifier.SetCacheSize(4)
	principals := map[string]uuid.UUID{}
	for range 12 {
		id := uuid.New()
		token, _, err := issuer.Issue(auth.Principal{UserID: id, TenantID: tenant})
		require.NoError(t, err)
		principals[token] = id
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				for token, id := range principals {
					p, err := verifier.Verify(t.Context(), token)
					if assert.NoError(t, err) {
						assert.Equal(t, id, p.UserID)
					}
				}
			}
		})
	}
	group.Wait()

	clock.Store(now.Add(time.Hour).Unix())
	for token := range principals {
		_, err := verifier.Verify(t.Context(), token)
		requireRejected(t, err, errors.CodeTokenExpired, "expired", token)
	}
}

func TestSessionAndGenerationOfToken(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	for _, generation := range []int64{0, 1, 1 << 40} {
		token, _, err := newIssuer(t, keys).Issue(auth.Principal{UserID: user, TenantID: tenant, SessionID: session, Generation: generation})
		require.NoError(t, err)
		p, err := newVerifier(t, keys).Verify(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, session, p.SessionID)
		require.Equal(t, generation, p.Generation)
	}
}
