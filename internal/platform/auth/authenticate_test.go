package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// gate is a route behind an Authentication that keeps a trail instead of a log.
type gate struct {
	echo      *echo.Echo
	token     string // a good one
	key       auth.APIKey
	rejected  []auth.Rejection
	denied    []auth.Denial
	entered   auth.Principal
	anonymous bool
}

func newGate(t *testing.T, edits ...func(*auth.Authentication)) *gate {
	t.Helper()
	keys := keySet(t, auth.ES256, ecKey())
	g := &gate{echo: echo.New(), token: newForgery(keys, jwt.SigningMethodES256, ecKey()).token(t), key: auth.NewAPIKey(tenant, session)}
	a := auth.Authentication{
		Verifier: newVerifier(t, keys),
		APIKey: func(_ context.Context, key auth.APIKey) (auth.Principal, error) {
			if !key.Matches(g.key.Hash()) {
				return auth.Principal{}, auth.ErrAPIKeyUnknown
			}
			return auth.Principal{
				UserID: user, TenantID: key.TenantID(), APIKeyID: key.ID(), Roles: []auth.Role{roleMember},
				Scopes: []auth.Permission{permNotesRead},
			}, nil
		},
		OnRejected: func(_ context.Context, r auth.Rejection) { g.rejected = append(g.rejected, r) },
	}
	for _, edit := range edits {
		edit(&a)
	}
	g.echo.HTTPErrorHandler = errors.Handler(nil)
	handler := func(c echo.Context) error {
		var found bool
		g.entered, found = auth.PrincipalFrom(c.Request().Context())
		g.anonymous = !found
		return c.NoContent(http.StatusNoContent)
	}
	onDenied := func(_ context.Context, d auth.Denial) { g.denied = append(g.denied, d) }
	g.echo.GET("/", handler, auth.Authenticate(a))
	g.echo.GET("/write", handler, auth.Authenticate(a), auth.Require(policy, permNotesWrite, onDenied))
	g.echo.GET("/audit", handler, auth.Authenticate(a), auth.Require(policy, permAuditRead, onDenied))
	return g
}

func (g *gate) get(path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	g.echo.ServeHTTP(w, r)
	return w
}

func TestAPIKeyEnters(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	w := g.get("/", http.Header{"X-Api-Key": {g.key.Reveal()}})
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, session, g.entered.APIKeyID)
	require.Equal(t, tenant, g.entered.TenantID)
	require.Empty(t, g.rejected)

	requireProblem(t, g.get("/write", http.Header{"X-Api-Key": {g.key.Reveal()}}), errors.CodePermissionDenied)
	requireProblem(t, g.get("/audit", http.Header{"X-Api-Key": {g.key.Reveal()}}), errors.CodePermissionDenied)
	require.Len(t, g.denied, 2)
	assert.Equal(t, "outside_scope", g.denied[0].Reason)
	assert.Equal(t, permNotesWrite, g.denied[0].Permission)
	assert.Equal(t, session, g.denied[0].Principal.APIKeyID)
	assert.Equal(t, "missing_permission", g.denied[1].Reason)
}

func TestOneCredentialOnce(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	key, bearer := g.key.Reveal(), "Bearer "+g.token
	for name, header := range map[string]http.Header{
		"both":                   {"X-Api-Key": {key}, "Authorization": {bearer}},
		"two keys":               {"X-Api-Key": {key, key}},
		"a key and an empty one": {"X-Api-Key": {"", key}},
		"two tokens":             {"Authorization": {bearer, bearer}},
		"a bad one beside":       {"X-Api-Key": {"x"}, "Authorization": {bearer}},
	} {
		g.rejected = nil
		w := g.get("/", header)
		requireProblem(t, w, errors.CodeValidation)
		assert.Equal(t, `Bearer error="invalid_request"`, w.Header().Get("WWW-Authenticate"), name)
		assert.Equal(t, []auth.Rejection{{Reason: "several_credentials"}}, g.rejected, name)
		assert.Contains(t, w.Body.String(), `"field":"Authorization","rule":"single"`, name)
	}
	require.Equal(t, http.StatusNoContent, g.get("/", http.Header{"X-Api-Key": {""}, "Authorization": {bearer}}).Code, "an empty header is none")
	require.Equal(t, http.StatusNoContent, g.get("/", http.Header{"X-Api-Key": {key}, "Authorization": {"Basic dTpw"}}).Code,
		"another scheme is for somebody else, such as a proxy")
}

func TestRefusedAPIKeys(t *testing.T) {
	t.Parallel()
	who := auth.Principal{UserID: user, TenantID: tenant, APIKeyID: session}
	other := auth.NewAPIKey(tenant, session)
	for name, c := range map[string]struct {
		text    string
		answer  error
		code    errors.Code
		reason  string
		audited bool
	}{
		"malformed":    {"ak_x", nil, errors.CodeTokenInvalid, "malformed_api_key", true},
		"access token": {"", nil, errors.CodeTokenInvalid, "malformed_api_key", true},
		"unknown":      {other.Reveal(), auth.ErrAPIKeyUnknown, errors.CodeTokenInvalid, "unknown_api_key", true},
		"expired":      {other.Reveal(), auth.ErrAPIKeyExpired, errors.CodeTokenExpired, "expired_api_key", true},
		"revoked":      {other.Reveal(), auth.ErrAPIKeyRevoked, errors.CodeTokenRevoked, "revoked_api_key", true},
		"another 401":  {other.Reveal(), errors.New(errors.CodeInvalidCredentials, ""), errors.CodeInvalidCredentials, "auth_invalid_credentials", true},
		"no database":  {other.Reveal(), errors.New(errors.CodeServiceUnavailable, ""), errors.CodeServiceUnavailable, "", false},
	} {
		g := newGate(t, func(a *auth.Authentication) {
			a.APIKey = func(context.Context, auth.APIKey) (auth.Principal, error) { return who, c.answer }
			a.Optional = true // which changes nothing for a bad credential
		})
		text := c.text
		if text == "" {
			text = g.token
		}
		w := g.get("/", http.Header{"X-Api-Key": {text}})
		requireProblem(t, w, c.code)
		assert.NotContains(t, w.Body.String(), text, name)
		assert.Zero(t, g.entered, name)
		require.Equal(t, c.audited, len(g.rejected) == 1, name)
		if c.audited {
			assert.Equal(t, c.reason, g.rejected[0].Reason, name)
		}
		if c.reason == "revoked_api_key" {
			assert.Equal(t, who, g.rejected[0].Principal)
		}
	}
}

func TestServiceWithoutAPIKeysIgnoresTheHeader(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(a *auth.Authentication) { a.APIKey = nil })
	requireProblem(t, g.get("/", http.Header{"X-Api-Key": {g.key.Reveal()}}), errors.CodeAuthRequired)
	require.Equal(t, http.StatusNoContent, g.get("/", http.Header{"X-Api-Key": {"x"}, "Authorization": {"Bearer " + g.token}}).Code)
}

func TestOptionalAuthentication(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(a *auth.Authentication) { a.Optional = true })
	require.Equal(t, http.StatusNoContent, g.get("/", http.Header{}).Code)
	require.True(t, g.anonymous)
	require.Equal(t, http.StatusNoContent, g.get("/", http.Header{"Authorization": {"Bearer " + g.token}}).Code)
	require.Equal(t, user, g.entered.UserID)
	requireProblem(t, g.get("/", http.Header{"Authorization": {"Bearer x"}}), errors.CodeTokenInvalid)
	requireProblem(t, g.get("/write", http.Header{}), errors.CodeAuthRequired)
}

// A token is refused with who it belongs to only where the service gave it out.
func TestRejectionNamesWhoseTokenItWas(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	verifier := newVerifier(t, keys)
	for name, c := range map[string]struct {
		edit  edit
		known bool
	}{
		"expired": {claim("exp", at(-time.Hour)), true},
		"forged":  {func(f *forgery) { f.key = strangeKey() }, false},
		"alien":   {claim("iss", `"other"`), false},
	} {
		f := newForgery(keys, jwt.SigningMethodES256, ecKey())
		c.edit(f)
		_, err := verifier.Verify(t.Context(), f.token(t))
		rejection, ok := errors.AsType[*auth.Rejection](err)
		require.True(t, ok, name)
		assert.Equal(t, c.known, rejection.Principal.UserID == user, name)
	}
}
