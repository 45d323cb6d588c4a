package auth_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func unb64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return raw
}

func TestParseAlgorithm(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]auth.Algorithm{"RS256": auth.RS256, "es512": auth.ES512, "eddsa": auth.EdDSA, "EDDSA": auth.EdDSA} {
		got, err := auth.ParseAlgorithm(name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, name := range []string{"", "none", "HS256", "hs512", "PS256", "ES256K", "RS256 "} {
		_, err := auth.ParseAlgorithm(name)
		assert.Error(t, err, name)
	}
}

func TestKeySetBindsKeysToOneAlgorithm(t *testing.T) {
	t.Parallel()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		alg auth.Algorithm
		key crypto.Signer
	}{
		"RSA for ES256":     {auth.ES256, rsaKey()},
		"RSA for EdDSA":     {auth.EdDSA, rsaKey()},
		"P-256 for RS256":   {auth.RS256, ecKey()},
		"P-256 for ES384":   {auth.ES384, ecKey()},
		"P-224 for ES256":   {auth.ES256, p224},
		"Ed25519 for ES256": {auth.ES256, generate(auth.EdDSA)},
		"HS256":             {"HS256", rsaKey()},
		"none":              {"none", rsaKey()},
		"no algorithm":      {"", rsaKey()},
		"no key":            {auth.RS256, nil},
		"foreign signer":    {auth.RS256, struct{ crypto.Signer }{rsaKey()}},
	} {
		_, err := auth.NewKeySet(c.alg, c.key)
		assert.Error(t, err, name)
	}
	_, err = auth.NewKeySet(auth.RS256, rsaKey(), p224.Public())
	require.ErrorContains(t, err, "public key 1")

	set, err := auth.NewKeySet("rs256", rsaKey())
	require.NoError(t, err)
	require.Equal(t, auth.RS256, set.Algorithm())
}

func TestWeakRSAKeysAreRejected(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, err = auth.NewKeySet(auth.RS256, weak)
	require.ErrorContains(t, err, "at least 2048 bits")
	_, err = auth.NewKeySet(auth.RS256, rsaKey(), weak.Public())
	require.ErrorContains(t, err, "at least 2048 bits")
}

func TestCheckKeyRejectsUnsoundRSAKeys(t *testing.T) {
	t.Parallel()
	good := rsaKey().Public().(*rsa.PublicKey)
	even := new(big.Int).Sub(good.N, big.NewInt(1))
	huge := new(big.Int).SetBit(new(big.Int).Set(good.N), 8192, 1)
	for message, key := range map[string]*rsa.PublicKey{
		"modulus":                    {N: even, E: 65537},
		"an odd modulus":             {E: 65537},
		"at most 8192 bits":          {N: huge, E: 65537},
		"exponent":                   {N: good.N, E: 65536},
		"odd exponent of":            {N: good.N, E: 3},
		"at least 65537":             {N: good.N, E: -65537},
		"odd exponent of at least":   {N: good.N, E: 1 << 31},
		"exponent of at least 65537": {N: good.N, E: 1<<31 + 1},
	} {
		require.ErrorContains(t, auth.CheckKey(auth.RS256, key), message)
	}
	require.NoError(t, auth.CheckKey(auth.RS256, good))
	require.Error(t, auth.CheckKey(auth.EdDSA, ed25519.PublicKey{1, 2, 3}), "cut")
	require.Error(t, auth.CheckKey(auth.ES256, &ecdsa.PublicKey{}))
	require.Error(t, auth.CheckKey("none", good))
}

// The vectors of RFC 7638, section 3.1, RFC 8037, appendix A.3, and the P-256 key of RFC 7517,
// appendix A.1, whose thumbprint was computed from its JSON.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	n := new(big.Int).SetBytes(unb64(t, "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF"+
		"V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"+
		"hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"))
	point := append([]byte{4}, append(unb64(t, "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"), unb64(t, "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM")...)...)
	ec, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	require.NoError(t, err)
	for want, key := range map[string]crypto.PublicKey{
		"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs": &rsa.PublicKey{N: n, E: 65537},
		"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k": ed25519.PublicKey(unb64(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
		"cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s": ec,
	} {
		got, err := auth.Thumbprint(key)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, err = auth.Thumbprint(x25519.Public())
	require.Error(t, err)
	_, err = auth.Thumbprint(&ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}) //nolint:staticcheck // a point off the curve
	require.Error(t, err)
}

// newRing returns a ring and an issuer and a verifier that use it.
func newRing(t testing.TB, keys *auth.KeySet) (*auth.Keyring, *auth.Issuer, *auth.Verifier) {
	t.Helper()
	ring := auth.NewKeyring(keys)
	clock := func() time.Time { return now }
	issuer, err := auth.NewIssuer(ring, auth.IssuerOptions{Issuer: issuerName, Audience: audience, Policy: policy, TTL: time.Minute})
	require.NoError(t, err)
	verifier, err := auth.NewVerifier(ring, auth.VerifierOptions{Issuer: issuerName, Audience: audience, Policy: policy})
	require.NoError(t, err)
	return ring, issuer.At(clock), verifier.At(clock)
}

// A key is first published, then signs, then only verifies, then is removed.
func TestKeyRotation(t *testing.T) {
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
				requireRejected(t, err, errors.CodeTokenInvalid, "unknown_key", token)
				assert.False(t, verifier.Caches(token), "a token of a removed key is not cached")
			}
		}
	}
	ring.Swap(nil)
	assert.Same(t, before, ring.Keys(), "Swap(nil) changes nothing")
}

// After the algorithm of an RSA key has changed, its earlier tokens are rejected.
func TestCachedTokensKeepTheirAlgorithm(t *testing.T) {
	t.Parallel()
	ring, issuer, verifier := newRing(t, keySet(t, auth.RS256, rsaKey()))
	token, _, err := issuer.Issue(auth.Principal{UserID: user, TenantID: tenant})
	require.NoError(t, err)
	_, err = verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	ring.Swap(keySet(t, auth.RS512, rsaKey()))
	_, err = verifier.Verify(t.Context(), token)
	requireRejected(t, err, errors.CodeTokenInvalid, "wrong_algorithm", token)
}

func TestSwapIsSafeForConcurrentUse(t *testing.T) {
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

// A kid selects the key that must verify the signature.
func TestKeyIDOfAnotherKeyIsRejected(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey(), otherKey().Public())
	f := newForgery(keys, jwt.SigningMethodES256, otherKey()) // says the kid of the other key
	token := f.token(t)
	_, err := newVerifier(t, keys).Verify(t.Context(), token)
	requireRejected(t, err, errors.CodeTokenInvalid, "bad_signature", token)
}
