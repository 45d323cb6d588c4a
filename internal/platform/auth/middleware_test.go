package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// loggingServer is an Echo server whose middleware writes to the default log: its tests cannot run
// in parallel.
type loggingServer struct {
	echo      *echo.Echo
	keys      *auth.KeySet
	log       bytes.Buffer
	principal auth.Principal
	revoking  func(context.Context, auth.Principal) (bool, error)
	rejected  []auth.Rejection
	denied    []auth.Denial
}

func newLoggingServer(t *testing.T, permission auth.Permission) *loggingServer {
	t.Helper()
	s := &loggingServer{echo: echo.New(), keys: keySet(t, auth.ES256, ecKey())}
	core, err := logging.NewCore(logging.Options{App: "test", Level: "debug", Format: "json", Output: &s.log})
	require.NoError(t, err)
	logging.SetDefault(core)
	log := logging.New(core, "handler")
	verifier := newVerifier(t, s.keys, func(o *auth.VerifierOptions) {
		o.Revoked = func(ctx context.Context, p auth.Principal) (bool, error) {
			if s.revoking == nil {
				return false, nil
			}
			return s.revoking(ctx, p)
		}
	})
	s.echo.HTTPErrorHandler = renderError
	s.echo.IPExtractor = echo.ExtractIPDirect()
	handler := func(c echo.Context) error {
		ctx := c.Request().Context()
		s.principal, _ = auth.PrincipalFrom(ctx)
		log.Info(ctx, "handled")
		return c.NoContent(http.StatusNoContent)
	}
	authenticate := auth.Authenticate(auth.Authentication{
		Verifier:   verifier,
		OnRejected: func(_ context.Context, r auth.Rejection) { s.rejected = append(s.rejected, r) },
	})
	required := auth.Require(policy, permission, func(_ context.Context, d auth.Denial) { s.denied = append(s.denied, d) })
	s.echo.GET("/", handler, authenticate, required)
	s.echo.GET("/unauthenticated", handler, required)
	return s
}

// get sends a request with these Authorization headers.
func (s *loggingServer) get(path string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	return w
}

func (s *loggingServer) token(t *testing.T, edits ...edit) string {
	t.Helper()
	f := newForgery(s.keys, jwt.SigningMethodES256, ecKey())
	for _, change := range edits {
		change(f)
	}
	return f.token(t)
}

// line returns the log line of an event, or nil.
func line(t *testing.T, log, event string) map[string]any {
	t.Helper()
	for text := range strings.Lines(log) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &fields), text)
		if fields["event"] == event {
			return fields
		}
	}
	return nil
}

// renderError responds with the status and the code of an error. The service uses
// server.ErrorHandler.
func renderError(err error, c echo.Context) {
	e := errors.From(err)
	_ = c.JSON(e.Status(), map[string]any{"code": e.Code.Name, "details": e.Details})
}

type problem struct {
	Code    string
	Details map[string]any
}

func requireProblem(t *testing.T, w *httptest.ResponseRecorder, code errors.Code) problem {
	t.Helper()
	var p problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, code.Name, p.Code)
	require.Equal(t, code.Status, w.Code)
	return p
}

func TestAuthenticateAcceptsValidToken(t *testing.T) {
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		s := newLoggingServer(t, permNotesWrite)
		w := s.get("/", scheme+s.token(t))
		require.Equal(t, http.StatusNoContent, w.Code)
		require.Equal(t, user, s.principal.UserID)
		require.Equal(t, tenant, s.principal.TenantID)

		handled := line(t, s.log.String(), "handled")
		assert.Equal(t, user.String(), handled["user_id"])
		assert.Equal(t, tenant.String(), handled["tenant_id"])
		assert.Empty(t, s.rejected)
	}
}

func TestMissingTokenIsNotReported(t *testing.T) {
	s := newLoggingServer(t, permNotesWrite)
	token := s.token(t)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no header":       s.get("/"),
		"empty header":    s.get("/", ""),
		"another scheme":  s.get("/", "Basic dTpw"),
		"no scheme":       s.get("/", token),
		"in the query":    s.get("/?access_token=" + token),
		"no middleware":   s.get("/unauthenticated", "Bearer "+token),
		"a longer scheme": s.get("/", "Bearers "+token),
	} {
		require.Equal(t, http.StatusUnauthorized, w.Code, name)
		requireProblem(t, w, errors.CodeAuthRequired)
	}
	assert.Zero(t, s.principal)
	assert.Empty(t, s.rejected)
	assert.Empty(t, s.denied)
	assert.Empty(t, s.log.String())
}

func TestRejectedTokensAreReported(t *testing.T) {
	s := newLoggingServer(t, permNotesWrite)
	good := s.token(t)
	for name, c := range map[string]struct {
		headers []string
		code    errors.Code
		reason  string
	}{
		"expired":      {[]string{"Bearer " + s.token(t, claim("exp", at(-leeway)), claim("sid", quote(session.String())), claim("gen", "3"))}, errors.CodeTokenExpired, "expired"},
		"forged":       {[]string{"Bearer " + s.token(t, claim("iss", `"x"`))}, errors.CodeTokenInvalid, "wrong_issuer"},
		"no token":     {[]string{"Bearer"}, errors.CodeTokenInvalid, "malformed_authorization_header"},
		"empty token":  {[]string{"Bearer "}, errors.CodeTokenInvalid, "malformed_authorization_header"},
		"two blanks":   {[]string{"Bearer  " + good}, errors.CodeTokenInvalid, "malformed_authorization_header"},
		"two tokens":   {[]string{"Bearer " + good + ", Bearer " + good}, errors.CodeTokenInvalid, "malformed_authorization_header"},
		"tab":          {[]string{"Bearer " + good + "\t"}, errors.CodeTokenInvalid, "malformed_authorization_header"},
		"two headers":  {[]string{"Bearer " + good, "Bearer " + good}, errors.CodeValidation, "several_credentials"},
		"hidden basic": {[]string{"Basic dTpw", "Bearer " + good}, errors.CodeValidation, "several_credentials"},
		"an API key":   {[]string{"Bearer " + auth.NewAPIKey(tenant, session).Reveal()}, errors.CodeTokenInvalid, "not_three_segments"},
		"refresh":      {[]string{"Bearer " + auth.NewRefreshToken(tenant, session, family).Reveal()}, errors.CodeTokenInvalid, "not_three_segments"},
	} {
		s.rejected = nil
		w := s.get("/", c.headers...)
		requireProblem(t, w, c.code)
		if c.code == errors.CodeValidation { // RFC 6750, section 3.1
			assert.Contains(t, w.Header().Get("WWW-Authenticate"), `error="invalid_request"`, name)
		}
		require.Len(t, s.rejected, 1, name)
		owner := auth.Principal{}
		if c.reason == "expired" { // of a token that the service issued
			owner = auth.Principal{UserID: user, TenantID: tenant, SessionID: session}
		}
		got := s.rejected[0]
		assert.EqualValues(t, c.reason, got.Reason, name)
		assert.Equal(t, owner.UserID, got.Principal.UserID, name)
		assert.Equal(t, owner.TenantID, got.Principal.TenantID, name)
		assert.Equal(t, owner.SessionID, got.Principal.SessionID, name)
		for _, part := range strings.Split(good, ".") {
			assert.NotContains(t, w.Body.String(), part, name)
		}
	}
	assert.Zero(t, s.principal)
	assert.Empty(t, s.log.String())
}

func TestFailedRevocationCheckIsNotARejection(t *testing.T) {
	s := newLoggingServer(t, permNotesWrite)
	s.revoking = func(context.Context, auth.Principal) (bool, error) { return true, nil }
	requireProblem(t, s.get("/", "Bearer "+s.token(t)), errors.CodeTokenRevoked)
	require.Len(t, s.rejected, 1)
	require.EqualValues(t, "revoked", s.rejected[0].Reason)
	require.Equal(t, user, s.rejected[0].Principal.UserID)

	s.revoking = func(context.Context, auth.Principal) (bool, error) {
		return false, errors.New(errors.CodeServiceUnavailable, "")
	}
	requireProblem(t, s.get("/", "Bearer "+s.token(t)), errors.CodeServiceUnavailable)
	require.Len(t, s.rejected, 1)
	require.Zero(t, s.principal)
}

func TestMissingPermissionIsReported(t *testing.T) {
	s := newLoggingServer(t, permAuditRead)
	problem := requireProblem(t, s.get("/", "Bearer "+s.token(t)), errors.CodePermissionDenied)
	assert.Equal(t, map[string]any{"permission": "audit:read"}, problem.Details)
	assert.Zero(t, s.principal)
	require.Len(t, s.denied, 1)
	got := s.denied[0]
	assert.Equal(t, permAuditRead, got.Permission)
	assert.Equal(t, "GET /", got.Route)
	assert.Equal(t, "missing_permission", got.Reason)
	assert.Equal(t, user, got.Principal.UserID)
	assert.Equal(t, tenant, got.Principal.TenantID)

	require.Equal(t, http.StatusNoContent, s.get("/", "Bearer "+s.token(t, claim("roles", `["owner"]`))).Code)
}

// hookServer is an Echo server with API keys and a scope.
type hookServer struct {
	echo      *echo.Echo
	token     string // a good one
	key       auth.APIKey
	rejected  []auth.Rejection
	denied    []auth.Denial
	principal auth.Principal
	scope     any // what Scope added to the ctx of the handler
}

type scopeKey struct{}

func newHookServer(t *testing.T, edits ...func(*auth.Authentication)) *hookServer {
	t.Helper()
	keys := keySet(t, auth.ES256, ecKey())
	s := &hookServer{echo: echo.New(), token: newForgery(keys, jwt.SigningMethodES256, ecKey()).token(t), key: auth.NewAPIKey(tenant, session)}
	a := auth.Authentication{
		Verifier: newVerifier(t, keys),
		APIKey: func(_ context.Context, key auth.APIKey) (auth.Principal, error) {
			if !key.Matches(s.key.Hash()) {
				return auth.Principal{}, auth.ReasonAPIKeyUnknown
			}
			return auth.Principal{
				UserID: user, TenantID: key.TenantID(), APIKeyID: key.ID(), Roles: []auth.Role{roleMember},
				Scopes: []auth.Permission{permNotesRead},
			}, nil
		},
		Scope: func(ctx context.Context, p auth.Principal) context.Context {
			return context.WithValue(ctx, scopeKey{}, p.TenantID)
		},
		OnRejected: func(_ context.Context, r auth.Rejection) { s.rejected = append(s.rejected, r) },
	}
	for _, edit := range edits {
		edit(&a)
	}
	s.echo.HTTPErrorHandler = renderError
	handler := func(c echo.Context) error {
		ctx := c.Request().Context()
		s.principal, _ = auth.PrincipalFrom(ctx)
		s.scope = ctx.Value(scopeKey{})
		return c.NoContent(http.StatusNoContent)
	}
	onDenied := func(_ context.Context, d auth.Denial) { s.denied = append(s.denied, d) }
	s.echo.GET("/", handler, auth.Authenticate(a))
	s.echo.GET("/write", handler, auth.Authenticate(a), auth.Require(policy, permNotesWrite, onDenied))
	s.echo.GET("/audit", handler, auth.Authenticate(a), auth.Require(policy, permAuditRead, onDenied))
	return s
}

func (s *hookServer) get(path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	return w
}

func TestAuthenticateAcceptsAPIKey(t *testing.T) {
	t.Parallel()
	s := newHookServer(t)
	w := s.get("/", http.Header{"X-Api-Key": {s.key.Reveal()}})
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, session, s.principal.APIKeyID)
	require.Equal(t, tenant, s.principal.TenantID)
	require.Equal(t, tenant, s.scope)
	require.Empty(t, s.rejected)

	requireProblem(t, s.get("/write", http.Header{"X-Api-Key": {s.key.Reveal()}}), errors.CodePermissionDenied)
	requireProblem(t, s.get("/audit", http.Header{"X-Api-Key": {s.key.Reveal()}}), errors.CodePermissionDenied)
	require.Len(t, s.denied, 2)
	assert.Equal(t, "outside_scope", s.denied[0].Reason)
	assert.Equal(t, permNotesWrite, s.denied[0].Permission)
	assert.Equal(t, session, s.denied[0].Principal.APIKeyID)
	assert.Equal(t, "missing_permission", s.denied[1].Reason)
}

func TestSeveralCredentialsAreRejected(t *testing.T) {
	t.Parallel()
	s := newHookServer(t)
	key, bearer := s.key.Reveal(), "Bearer "+s.token
	for name, header := range map[string]http.Header{
		"both":                   {"X-Api-Key": {key}, "Authorization": {bearer}},
		"two keys":               {"X-Api-Key": {key, key}},
		"a key and an empty one": {"X-Api-Key": {"", key}},
		"two tokens":             {"Authorization": {bearer, bearer}},
		"a bad one beside":       {"X-Api-Key": {"x"}, "Authorization": {bearer}},
	} {
		s.rejected = nil
		w := s.get("/", header)
		requireProblem(t, w, errors.CodeValidation)
		assert.Equal(t, `Bearer error="invalid_request"`, w.Header().Get("WWW-Authenticate"), name)
		assert.Equal(t, []auth.Rejection{{Reason: "several_credentials"}}, s.rejected, name)
		assert.Contains(t, w.Body.String(), `"field":"Authorization","rule":"single"`, name)
	}
	require.Equal(t, http.StatusNoContent, s.get("/", http.Header{"X-Api-Key": {""}, "Authorization": {bearer}}).Code, "an empty header is none")
	require.Equal(t, http.StatusNoContent, s.get("/", http.Header{"X-Api-Key": {key}, "Authorization": {"Basic dTpw"}}).Code,
		"another scheme is for somebody else, such as a proxy")
}

func TestRejectedAPIKeys(t *testing.T) {
	t.Parallel()
	who := auth.Principal{UserID: user, TenantID: tenant, APIKeyID: session}
	other := auth.NewAPIKey(tenant, session)
	for name, c := range map[string]struct {
		text    string
		answer  error
		code    errors.Code
		reason  auth.Reason
		audited bool
	}{
		"malformed":    {"ak_x", nil, errors.CodeTokenInvalid, "malformed_api_key", true},
		"access token": {"", nil, errors.CodeTokenInvalid, "malformed_api_key", true},
		"unknown":      {other.Reveal(), auth.ReasonAPIKeyUnknown, errors.CodeTokenInvalid, "unknown_api_key", true},
		"expired":      {other.Reveal(), auth.ReasonAPIKeyExpired, errors.CodeTokenExpired, "expired_api_key", true},
		"revoked":      {other.Reveal(), auth.ReasonAPIKeyRevoked, errors.CodeTokenRevoked, "revoked_api_key", true},
		"no database":  {other.Reveal(), errors.New(errors.CodeServiceUnavailable, ""), errors.CodeServiceUnavailable, "", false},
	} {
		s := newHookServer(t, func(a *auth.Authentication) {
			a.APIKey = func(context.Context, auth.APIKey) (auth.Principal, error) { return who, c.answer }
		})
		text := c.text
		if text == "" {
			text = s.token
		}
		w := s.get("/", http.Header{"X-Api-Key": {text}})
		requireProblem(t, w, c.code)
		assert.NotContains(t, w.Body.String(), text, name)
		assert.Zero(t, s.principal, name)
		require.Equal(t, c.audited, len(s.rejected) == 1, name)
		if c.audited {
			assert.Equal(t, c.reason, s.rejected[0].Reason, name)
		}
		if c.reason == "revoked_api_key" {
			assert.Equal(t, who, s.rejected[0].Principal)
		}
	}
}

func TestAPIKeyHeaderIsIgnoredWithoutLookup(t *testing.T) {
	t.Parallel()
	s := newHookServer(t, func(a *auth.Authentication) { a.APIKey = nil })
	requireProblem(t, s.get("/", http.Header{"X-Api-Key": {s.key.Reveal()}}), errors.CodeAuthRequired)
	require.Equal(t, http.StatusNoContent, s.get("/", http.Header{"X-Api-Key": {"x"}, "Authorization": {"Bearer " + s.token}}).Code)
}

// The principal is known only if the service issued the token.
func TestRejectionHasPrincipalOfIssuedTokenOnly(t *testing.T) {
	t.Parallel()
	keys := keySet(t, auth.ES256, ecKey())
	verifier := newVerifier(t, keys)
	for name, c := range map[string]struct {
		edit  edit
		known bool
	}{
		"expired": {claim("exp", at(-time.Hour)), true},
		"forged":  {func(f *forgery) { f.key = otherKey() }, false},
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

func TestNetwork(t *testing.T) {
	t.Parallel()
	for remoteIP, want := range map[string]string{
		"2001:db8:1:2:ffff::9": "2001:db8:1:2::", "fe80::1:2%eth0": "fe80::", "192.0.2.7": "192.0.2.7",
		"::ffff:192.0.2.7": "192.0.2.7", "": "invalid IP", "@": "invalid IP",
	} {
		assert.Equal(t, want, auth.Network(remoteIP).String(), remoteIP)
	}
}
