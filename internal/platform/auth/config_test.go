package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	weakPrivate, err := auth.MarshalPrivateKey(weak)
	require.NoError(t, err)
	weakPublic, err := auth.MarshalPublicKey(weak.Public())
	require.NoError(t, err)
	ec, ecPublic := privatePEM(t, auth.ES256), publicPEM(t)

	for name, c := range map[string]struct {
		config auth.Config
		want   []string
	}{
		"good":                {auth.Config{Algorithm: "ES256", PrivateKey: logging.Secret(ec), PublicKeys: ecPublic}, nil},
		"algorithm any case":  {auth.Config{Algorithm: "es256", PrivateKey: logging.Secret(ec)}, nil},
		"no key":              {auth.Config{Algorithm: "RS256"}, nil},
		"HMAC":                {auth.Config{Algorithm: "HS256"}, []string{"AUTH_JWT_ALGORITHM oneof"}},
		"none":                {auth.Config{Algorithm: "none", PrivateKey: logging.Secret(ec)}, []string{"AUTH_JWT_ALGORITHM oneof"}},
		"placeholder":         {auth.Config{Algorithm: "RS256", PrivateKey: "hunter2"}, []string{"AUTH_JWT_PRIVATE_KEY pem"}},
		"key of another kind": {auth.Config{Algorithm: "RS256", PrivateKey: logging.Secret(ec)}, []string{"AUTH_JWT_PRIVATE_KEY algorithm"}},
		"key of another curve": {auth.Config{Algorithm: "ES384", PrivateKey: logging.Secret(ec)},
			[]string{"AUTH_JWT_PRIVATE_KEY algorithm"}},
		"weak": {auth.Config{Algorithm: "RS256", PrivateKey: logging.Secret(weakPrivate), PublicKeys: string(weakPublic)},
			[]string{"AUTH_JWT_PRIVATE_KEY min_bits", "AUTH_JWT_PUBLIC_KEYS min_bits"}},
		"everything at once": {auth.Config{Algorithm: "x", PrivateKey: "hunter2", PublicKeys: "hunter2"},
			[]string{"AUTH_JWT_ALGORITHM oneof", "AUTH_JWT_PRIVATE_KEY pem", "AUTH_JWT_PUBLIC_KEYS pem"}},
	} {
		var got []string
		c.config.Check(func(variable, rule, message string) {
			got = append(got, variable+" "+rule)
			assert.NotEmpty(t, message, name)
			assert.NotContains(t, message, "hunter2", name)
			assert.NotContains(t, message, "HS256", name)
		})
		assert.Equal(t, c.want, got, name)
	}
}

func publicPEM(t testing.TB) string {
	t.Helper()
	text, err := auth.MarshalPublicKey(ecKey().Public())
	require.NoError(t, err)
	return string(text)
}

func TestConfigKeySet(t *testing.T) {
	t.Parallel()
	c := auth.Config{Algorithm: "es384", PrivateKey: logging.Secret(privatePEM(t, auth.ES384)), PublicKeys: publicPEM(t)}
	keys, err := c.KeySet()
	require.NoError(t, err)
	require.Equal(t, auth.ES384, keys.Algorithm())

	token, _, err := newIssuer(t, keySet(t, auth.ES256, ecKey())).Issue(auth.Principal{UserID: user, TenantID: tenant})
	require.NoError(t, err)
	_, err = newVerifier(t, keys).Verify(t.Context(), token)
	require.NoError(t, err, "signed by the retired key")

	bad := c
	bad.PrivateKey = "hunter2"
	_, err = bad.KeySet()
	require.ErrorContains(t, err, "AUTH_JWT_PRIVATE_KEY")
	assert.NotContains(t, err.Error(), "hunter2")

	bad = c
	bad.PublicKeys = "hunter2"
	_, err = bad.KeySet()
	require.ErrorContains(t, err, "AUTH_JWT_PUBLIC_KEYS")

	bad = c
	bad.Algorithm = "RS256"
	_, err = bad.KeySet()
	require.Error(t, err)
}
