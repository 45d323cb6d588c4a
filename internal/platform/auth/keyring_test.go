package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// newRing returns a ring with an issuer and a verifier that share it.
func newRing(t testing.TB, keys *auth.KeySet) (*auth.Keyring, *auth.Issuer, *auth.Verifier) {
	t.Helper()
	ring := auth.NewKeyring(keys)
	clock := func() time.Time { return now }
	issuer, err := auth.NewIssuer(ring, auth.IssuerOptions{Issuer: issuerName, Audience: audience, Policy: policy, TTL: time.Minute, Now: clock})
	require.NoError(t, err)
	verifier, err := auth.NewVerifier(ring, auth.VerifierOptions{Issuer: issuerName, Audience: audience, Policy: policy, Now: clock})
	require.NoError(t, err)
	return ring, issuer, verifier
}

// The life of a key: next, current, retired, gone.
func TestRotation(t *testing.T) {
	t.Parallel()
	oldKey, newKey := generate(auth.ES256), generate(auth.EdDSA)
	before := keySet(t, auth.ES256, oldKey)
	announced := keySet(t, auth.ES256, oldKey, newKey.Public())
	rotated := keySet(t, auth.EdDSA, newKey, oldKey.Public())
	after := keySet(t, auth.EdDSA, newKey)

	ring, issuer, verifier := newRing(t, before)
	_, elsewhere, _ := newRing(t, rotated) // another replica, one step ahead
	issue := func(i *auth.Issuer) string {
		token, _, err := i.Issue(auth.Principal{UserID: user, TenantID: tenant})
		require.NoError(t, err)
		return token
	}
	ofOld, ofNew := issue(issuer), issue(elsewhere)
	for _, step := range []struct {
		name               string
		keys               *auth.KeySet
		takesOld, takesNew bool
	}{
		{"before", before, true, false},
		{"announced", announced, true, true},
		{"rotated", rotated, true, true},
		{"after", after, false, true},
		{"back", before, true, false},
	} {
		ring.Swap(step.keys)
		assert.Same(t, step.keys, ring.Keys())
		for token, want := range map[string]bool{ofOld: step.takesOld, ofNew: step.takesNew, issue(issuer): true} {
			for range 2 { // the second time from memory
				_, err := verifier.Verify(t.Context(), token)
				if want {
					require.NoError(t, err, step.name)
					continue
				}
				requireRefused(t, err, errors.CodeTokenInvalid, "unknown_key", token)
				assert.False(t, verifier.Remembers(token), "a token of a key that is gone is forgotten")
			}
		}
	}
	ring.Swap(nil)
	assert.Same(t, before, ring.Keys(), "a service is never without keys")
}

// An RSA key that changes its algorithm is another key to the tokens that were signed before.
func TestRememberedTokensKeepToTheirAlgorithm(t *testing.T) {
	t.Parallel()
	ring, issuer, verifier := newRing(t, keySet(t, auth.RS256, rsaKey()))
	token, _, err := issuer.Issue(auth.Principal{UserID: user, TenantID: tenant})
	require.NoError(t, err)
	_, err = verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	ring.Swap(keySet(t, auth.RS512, rsaKey()))
	_, err = verifier.Verify(t.Context(), token)
	requireRefused(t, err, errors.CodeTokenInvalid, "wrong_algorithm", token)
}

func TestSwapWhileInUse(t *testing.T) {
	t.Parallel()
	one, two := generate(auth.ES256), generate(auth.EdDSA)
	sets := []*auth.KeySet{keySet(t, auth.ES256, one, two.Public()), keySet(t, auth.EdDSA, two, one.Public())}
	ring, issuer, verifier := newRing(t, sets[0])
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				token, _, err := issuer.Issue(auth.Principal{UserID: user, TenantID: tenant})
				if assert.NoError(t, err) {
					_, err = verifier.Verify(t.Context(), token)
					assert.NoError(t, err)
				}
			}
		})
	}
	group.Go(func() {
		for i := range 500 {
			ring.Swap(sets[i%2])
		}
	})
	group.Wait()
}

// A kid chooses among the keys, it does not lend one key the name of another.
func TestForgedKeyIDDoesNotReachAnotherKey(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey(), strangeKey().Public())
	f := newForgery(keys, jwt.SigningMethodES256, strangeKey()) // says the kid of the other key
	token := f.token(t)
	_, err := newVerifier(t, keys).Verify(t.Context(), token)
	requireRefused(t, err, errors.CodeTokenInvalid, "bad_signature", token)
}
