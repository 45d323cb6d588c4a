package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// signingKey returns a new private key in PEM.
func signingKey(t testing.TB) string {
	t.Helper()
	key, err := auth.GenerateKey(auth.RS256)
	require.NoError(t, err)
	text, err := auth.MarshalPrivateKey(key)
	require.NoError(t, err)
	return string(text)
}

// kids returns the ids of the published keys.
func (c client) kids() (ids []string) {
	c.t.Helper()
	res := c.get("/.well-known/jwks.json")
	require.Equal(c.t, http.StatusOK, res.status, string(res.body))
	for _, key := range res.value("keys").([]any) {
		one := key.(map[string]any)
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			assert.NotContains(c.t, one, private, "private parameter")
		}
		ids = append(ids, one["kid"].(string))
	}
	return ids
}

func kidOf(t testing.TB, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(t, err)
	return parsed.Header["kid"].(string)
}

func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	assert.Equal(t, []string{kidOf(t, ada.token)}, s.client.kids())
	first := s.client.get("/.well-known/jwks.json")
	assert.Contains(t, first.header.Get("Cache-Control"), "max-age=")
	again := s.client.do(request{
		method: "GET", path: "/.well-known/jwks.json", header: map[string]string{"If-None-Match": first.header.Get("ETag")},
	})
	assert.Equal(t, http.StatusNotModified, again.status)
}

func TestAccessTokenFollowsRFC9068(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(ada.token, claims)
	require.NoError(t, err)
	assert.Equal(t, "at+jwt", parsed.Header["typ"])
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "tenant_id", "roles"} {
		assert.NotEmpty(t, claims[name], name)
	}
	assert.Equal(t, ada.userID, claims["sub"])
	assert.Equal(t, ada.tenantID, claims["tenant_id"])
}

// After a reload the new key signs, and the old one verifies until it is removed.
func TestKeyRotationWithoutRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	private, public := filepath.Join(dir, "private.pem"), filepath.Join(dir, "public.pem")
	write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	first, second := signingKey(t), signingKey(t)
	write(private, first)
	write(public, publicKey(t, second)) // the next key is published before it signs
	s := start(t, env{"AUTH_JWT_PRIVATE_KEY_FILE": private, "AUTH_JWT_PUBLIC_KEYS_FILE": public})
	ada := s.client.register()
	require.Len(t, s.client.kids(), 2)

	reload := func(private1, public1 string) {
		before := len(s.events("config_reloaded"))
		write(private, private1)
		write(public, public1)
		s.signal(t, syscall.SIGHUP)
		s.awaitThat(t, "config_reloaded", func(map[string]any) bool { return len(s.eventsLocked("config_reloaded")) > before })
	}
	reload(second, publicKey(t, first))
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status, "the retired key must verify")
	renewed := ada.login()
	assert.NotEqual(t, kidOf(t, ada.token), kidOf(t, renewed.token))
	assert.Equal(t, http.StatusOK, renewed.get("/v1/me").status)

	reload(second, publicKey(t, second)) // an empty file is an error
	ada.get("/v1/me").problem(errors.CodeTokenInvalid)
	assert.Equal(t, http.StatusOK, renewed.get("/v1/me").status)
	assert.Equal(t, []string{kidOf(t, renewed.token)}, s.client.kids())

	// An invalid key must be rejected without a change.
	write(private, "not a key")
	s.signal(t, syscall.SIGHUP)
	refused := s.await(t, "config_validation_failed")
	assert.Contains(t, refused["fields"], "AUTH_JWT_PRIVATE_KEY")
	assert.Equal(t, http.StatusOK, renewed.get("/v1/me").status)
	assert.Equal(t, http.StatusOK, renewed.login().get("/v1/me").status)
}

// The steps of the README work for a service that started with nothing but a private key.
func TestKeyRotationByRestart(t *testing.T) {
	t.Parallel()
	first, second := signingKey(t), signingKey(t)
	s := start(t, env{"AUTH_JWT_PRIVATE_KEY": first})
	ada := s.client.register()
	for _, step := range []env{
		{"AUTH_JWT_PRIVATE_KEY": first, "AUTH_JWT_PUBLIC_KEYS": publicKey(t, second)},
		{"AUTH_JWT_PRIVATE_KEY": second, "AUTH_JWT_PUBLIC_KEYS": publicKey(t, first)},
	} {
		s.stop(t)
		s = startOn(t, s.dsn, step)
		ada.base = s.client.base
		assert.Equal(t, http.StatusOK, ada.get("/v1/me").status, "nobody is logged out")
		assert.Len(t, s.client.kids(), 2)
	}
	assert.NotEqual(t, kidOf(t, ada.token), kidOf(t, ada.login().token))
}

// publicKey returns the public half of a private key in PEM.
func publicKey(t testing.TB, private string) string {
	t.Helper()
	key, err := auth.ParsePrivateKey([]byte(private))
	require.NoError(t, err)
	text, err := auth.MarshalPublicKey(key.Public())
	require.NoError(t, err)
	return string(text)
}

func TestAccessTokenIsRequired(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	for _, r := range []request{
		{method: "GET", path: "/v1/me"},
		{method: "GET", path: resources},
		{method: "POST", path: resources, body: "{}"},
		{method: "GET", path: "/v1/users/" + uuid.NewString()},
		{method: "PATCH", path: "/v1/users/" + uuid.NewString(), body: "{}"},
		{method: "DELETE", path: "/v1/users/" + uuid.NewString()},
	} {
		s.client.do(r).problem(errors.CodeAuthRequired)
	}
	for name, token := range map[string]string{"changed": ada.token[:len(ada.token)-4] + "AAAA", "none": "e30.e30.", "junk": "no-token-at-all"} {
		c := client{t: t, base: s.client.base, token: token}
		c.get("/v1/me").problem(errors.CodeTokenInvalid)
		assert.NotContains(t, s.dump(), token+`"`, name)
	}
	assert.NotEmpty(t, s.events("token_rejected"))
}

func TestReplicasWithSameKeyShareTokens(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	a := start(t, env{"AUTH_JWT_PRIVATE_KEY": key})
	ada := a.client.register()
	b := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key})
	ada.base = b.client.base
	assert.Equal(t, http.StatusOK, ada.get("/v1/me").status)
	other := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": signingKey(t)})
	ada.base = other.client.base
	ada.get("/v1/me").problem(errors.CodeTokenInvalid)
	audience := startOn(t, a.dsn, env{"AUTH_JWT_PRIVATE_KEY": key, "AUTH_JWT_AUDIENCE": "another-api"})
	ada.base = audience.client.base
	ada.get("/v1/me").problem(errors.CodeTokenInvalid)
}
