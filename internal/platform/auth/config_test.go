package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestConfigValidate(t *testing.T) {
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
		"next and retired": {auth.Config{Algorithm: "ES256", PrivateKey: logging.Secret(ec), PublicKeys: ecPublic + ecPublic}, nil},
		"even exponent":    {auth.Config{Algorithm: "RS256", PublicKeys: rsaPEM(t, 65538)}, []string{"AUTH_JWT_PUBLIC_KEYS exponent"}},
		"small exponent":   {auth.Config{Algorithm: "RS256", PublicKeys: rsaPEM(t, 3)}, []string{"AUTH_JWT_PUBLIC_KEYS exponent"}},
		"huge exponent":    {auth.Config{Algorithm: "RS256", PublicKeys: rsaPEM(t, 1<<33+1)}, []string{"AUTH_JWT_PUBLIC_KEYS pem"}},
		"encrypted": {auth.Config{Algorithm: "RS256", PrivateKey: logging.Secret(block("ENCRYPTED PRIVATE KEY", []byte("x")))},
			[]string{"AUTH_JWT_PRIVATE_KEY pem"}},
		"certificate":              {auth.Config{Algorithm: "RS256", PublicKeys: block("CERTIFICATE", []byte("x"))}, []string{"AUTH_JWT_PUBLIC_KEYS pem"}},
		"two private keys":         {auth.Config{Algorithm: "ES256", PrivateKey: logging.Secret(ec + ec)}, []string{"AUTH_JWT_PRIVATE_KEY pem"}},
		"trailing garbage":         {auth.Config{Algorithm: "ES256", PrivateKey: logging.Secret(ec + "hunter2")}, []string{"AUTH_JWT_PRIVATE_KEY pem"}},
		"private among the public": {auth.Config{Algorithm: "ES256", PublicKeys: ecPublic + ec}, []string{"AUTH_JWT_PUBLIC_KEYS pem"}},
		"cheap hash":               {auth.Config{Algorithm: "ES256", PasswordConfig: auth.PasswordConfig{Argon2Memory: 19455, Argon2Passes: 2}}, []string{"AUTH_ARGON2_MEMORY min"}},
		"one pass":                 {auth.Config{Algorithm: "ES256", PasswordConfig: auth.PasswordConfig{Argon2Memory: 47103, Argon2Passes: 1}}, []string{"AUTH_ARGON2_MEMORY min"}},
		"three passes":             {auth.Config{Algorithm: "ES256", PasswordConfig: auth.PasswordConfig{Argon2Memory: 12287, Argon2Passes: 3}}, []string{"AUTH_ARGON2_MEMORY min"}},
		"four passes":              {auth.Config{Algorithm: "ES256", PasswordConfig: auth.PasswordConfig{Argon2Memory: 9215, Argon2Passes: 4}}, []string{"AUTH_ARGON2_MEMORY min"}},
		"OWASP's minimum":          {auth.Config{Algorithm: "ES256", PasswordConfig: auth.PasswordConfig{Argon2Memory: 7168, Argon2Passes: 5}}, nil},
		"everything at once": {auth.Config{Algorithm: "x", PrivateKey: "hunter2", PublicKeys: "hunter2"},
			[]string{"AUTH_JWT_ALGORITHM oneof", "AUTH_JWT_PRIVATE_KEY pem", "AUTH_JWT_PUBLIC_KEYS pem"}},
	} {
		var got []string
		report := func(variable, rule, message string) {
			got = append(got, variable+" "+rule)
			assert.Regexp(t, "^must ", message, "%s: it follows the name of the variable", name)
			assert.NotContains(t, message, "hunter2", name)
			assert.NotContains(t, message, "HS256", name)
		}
		c.config.Validate(report)
		c.config.PasswordConfig.Validate(report)
		assert.Equal(t, c.want, got, name)
	}
}

// rsaPEM returns an RSA public key with this exponent, which x509 itself would not write.
func rsaPEM(t testing.TB, exponent int64) string {
	t.Helper()
	der, err := asn1.Marshal(struct{ N, E *big.Int }{rsaKey().Public().(*rsa.PublicKey).N, big.NewInt(exponent)})
	require.NoError(t, err)
	return block("RSA PUBLIC KEY", der)
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

// The variables whose change takes effect at once, and no others.
func TestConfigLiveVariables(t *testing.T) {
	t.Parallel()
	var live []string
	for field := range reflect.TypeFor[auth.Config]().Fields() {
		if field.Tag.Get("env-live") == "true" {
			live = append(live, field.Tag.Get("env"))
		}
	}
	require.Equal(t, []string{
		"AUTH_JWT_PRIVATE_KEY", "AUTH_JWT_PUBLIC_KEYS",
	}, live)
}

func TestPasswordConfig(t *testing.T) {
	t.Parallel()
	p, err := auth.NewPasswords(cost(9216, 4, 2))
	require.NoError(t, err)
	hash, err := p.HashPassword(t.Context(), password)
	require.NoError(t, err)
	require.Contains(t, hash, "$m=9216,t=4,p=2$")
}
