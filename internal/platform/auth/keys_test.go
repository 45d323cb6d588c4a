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
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
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

func TestWeakRSAKeysAreRefused(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, err = auth.NewKeySet(auth.RS256, weak)
	require.ErrorContains(t, err, "at least 2048 bits")
	_, err = auth.NewKeySet(auth.RS256, rsaKey(), weak.Public())
	require.ErrorContains(t, err, "at least 2048 bits")
}

func TestCheckKeyRefusesUnsoundRSAKeys(t *testing.T) {
	t.Parallel()
	good := rsaKey().Public().(*rsa.PublicKey)
	even := new(big.Int).Sub(good.N, big.NewInt(1))
	huge := new(big.Int).SetBit(new(big.Int).Set(good.N), 8192, 1)
	for message, key := range map[string]*rsa.PublicKey{
		"modulus":              {N: even, E: 65537},
		"must be odd":          {E: 65537},
		"at most 8192 bits":    {N: huge, E: 65537},
		"exponent":             {N: good.N, E: 65536},
		"exponent of an RSA":   {N: good.N, E: 3},
		"at least 65537":       {N: good.N, E: -65537},
		"odd and at least":     {N: good.N, E: 1 << 31},
		"the public exponent ": {N: good.N, E: 1<<31 + 1},
	} {
		require.ErrorContains(t, auth.CheckKey(auth.RS256, key), message)
	}
	require.NoError(t, auth.CheckKey(auth.RS256, good))
	require.Error(t, auth.CheckKey(auth.EdDSA, ed25519.PublicKey{1, 2, 3}), "cut")
	require.Error(t, auth.CheckKey(auth.ES256, &ecdsa.PublicKey{}))
	require.Error(t, auth.CheckKey("none", good))
}

// The vectors of RFC 7638, section 3.1, RFC 8037, appendix A.3, and the P-256 key of RFC 7517, appendix A.1, whose
// thumbprint was computed by hand from its JSON.
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
