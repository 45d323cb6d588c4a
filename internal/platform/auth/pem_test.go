package auth_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func privatePEM(t testing.TB, alg auth.Algorithm) string {
	t.Helper()
	text, err := auth.MarshalPrivateKey(generate(alg))
	require.NoError(t, err)
	return string(text)
}

func TestPEMRoundTrip(t *testing.T) {
	t.Parallel()
	for _, alg := range []auth.Algorithm{auth.RS256, auth.ES256, auth.ES384, auth.ES512, auth.EdDSA} {
		key := generate(alg)
		text, err := auth.MarshalPrivateKey(key)
		require.NoError(t, err)
		read, err := auth.ParsePrivateKey(text)
		require.NoError(t, err)
		// Not assert.Equal: the numbers that RSA precomputes may differ in leading zeros.
		assert.True(t, key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(read), alg)

		text, err = auth.MarshalPublicKey(key.Public())
		require.NoError(t, err)
		public, err := auth.ParsePublicKeys(text)
		require.NoError(t, err)
		require.Len(t, public, 1)
		assert.Equal(t, key.Public(), public[0])
	}
	_, err := auth.GenerateKey("HS256")
	require.Error(t, err)
	_, err = auth.MarshalPrivateKey(nil)
	require.Error(t, err)
	_, err = auth.MarshalPublicKey("no key")
	require.Error(t, err)
}

func TestParsePrivateKeyReadsPKCS1AndSEC1(t *testing.T) {
	t.Parallel()
	pkcs1 := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey().(*rsa.PrivateKey)))
	der, err := x509.MarshalECPrivateKey(ecKey().(*ecdsa.PrivateKey))
	require.NoError(t, err)
	sec1 := block("EC PRIVATE KEY", der)
	for name, text := range map[string]string{
		"PKCS#1": pkcs1, "SEC1": sec1, "SEC1 of openssl": block("EC PARAMETERS", []byte{6, 1, 0}) + sec1, "blanks": "\n " + sec1 + " \n",
	} {
		_, err := auth.ParsePrivateKey([]byte(text))
		assert.NoError(t, err, name)
	}
}

func TestParsePrivateKeyRejects(t *testing.T) {
	t.Parallel()
	good := privatePEM(t, auth.ES256)
	dh, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	x25519, err := x509.MarshalPKCS8PrivateKey(dh)
	require.NoError(t, err)
	public, err := auth.MarshalPublicKey(ecKey().Public())
	require.NoError(t, err)
	encrypted := pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("secret"),
	})
	for name, c := range map[string]struct{ text, message string }{
		"empty":         {"", "must be PEM"},
		"placeholder":   {"changeme-secret", "must be PEM"},
		"parameters":    {block("EC PARAMETERS", []byte{6, 1, 0}), "must be PEM"},
		"two keys":      {good + good, "nothing else"},
		"text after":    {good + "secret", "nothing else"},
		"text before":   {"secret\n" + good, "must be PEM"},
		"half a key":    {good[:60] + "\n" + good, "must be PEM"},
		"public":        {string(public), "must be an RSA, ECDSA or Ed25519 private key"},
		"garbage":       {block("PRIVATE KEY", []byte("secret")), "must be an RSA, ECDSA or Ed25519 private key"},
		"certificate":   {block("CERTIFICATE", []byte("secret")), "must be an RSA, ECDSA or Ed25519 private key"},
		"X25519":        {block("PRIVATE KEY", x25519), "must be an RSA, ECDSA or Ed25519 private key"},
		"encrypted":     {block("ENCRYPTED PRIVATE KEY", []byte("secret")), "encrypted"},
		"old encrypted": {string(encrypted), "encrypted"},
	} {
		_, err := auth.ParsePrivateKey([]byte(c.text))
		require.ErrorContains(t, err, c.message, name)
		assert.NotContains(t, err.Error(), "secret", name)
	}
}

func TestParsePublicKeys(t *testing.T) {
	t.Parallel()
	none, err := auth.ParsePublicKeys([]byte(" \n"))
	require.NoError(t, err)
	require.Empty(t, none)

	ec, err := auth.MarshalPublicKey(ecKey().Public())
	require.NoError(t, err)
	pkcs1 := block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey().Public().(*rsa.PublicKey)))
	keys, err := auth.ParsePublicKeys([]byte(string(ec) + "\n" + pkcs1))
	require.NoError(t, err)
	require.Equal(t, []any{ecKey().Public(), rsaKey().Public()}, []any{keys[0], keys[1]})

	dh, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	x25519, err := x509.MarshalPKIXPublicKey(dh.Public())
	require.NoError(t, err)
	for name, text := range map[string]string{
		"private":            privatePEM(t, auth.ES256),
		"text after":         string(ec) + "rest",
		"garbage":            block("PUBLIC KEY", []byte("x")),
		"X25519":             block("PUBLIC KEY", x25519),
		"half a key":         string(ec)[:60],
		"a half and a whole": string(ec)[:60] + "\n" + string(ec),
	} {
		_, err := auth.ParsePublicKeys([]byte(text))
		assert.Error(t, err, name)
	}
}
