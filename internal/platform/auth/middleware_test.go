package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// door is an Echo server with one route, which needs notes:write, and its log.
type door struct {
	echo     *echo.Echo
	keys     *auth.KeySet
	log      bytes.Buffer
	entered  auth.Principal
	revoking func(context.Context, auth.Principal) (bool, error)
}

func newDoor(t *testing.T, permission auth.Permission) *door {
	t.Helper()
	d := &door{echo: echo.New(), keys: keySet(t, auth.ES256, ecKey())}
	core, err := logging.NewCore(logging.Options{App: "test", Level: "debug", Format: "json", Output: &d.log})
	require.NoError(t, err)
	audit := logging.New(core, "auth")
	verifier := newVerifier(t, d.keys, func(o *auth.VerifierOptions) {
		o.Revoked = func(ctx context.Context, p auth.Principal) (bool, error) {
			if d.revoking == nil {
				return false, nil
			}
			return d.revoking(ctx, p)
		}
	})
	d.echo.HTTPErrorHandler = errors.Handler(nil)
	d.echo.IPExtractor = echo.ExtractIPDirect()
	handler := func(c echo.Context) error {
		ctx := c.Request().Context()
		d.entered, _ = auth.PrincipalFrom(ctx)
		audit.Info(ctx, "entered")
		return c.NoContent(http.StatusNoContent)
	}
	d.echo.GET("/", handler, auth.Authenticate(auth.Authentication{Verifier: verifier, Log: audit}), auth.Require(policy, permission))
	d.echo.GET("/unauthenticated", handler, auth.Require(policy, permission))
	return d
}

// get sends the Authorization headers as they are given and returns the answer.
func (d *door) get(path string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	w := httptest.NewRecorder()
	d.echo.ServeHTTP(w, r)
	return w
}

func (d *door) token(t *testing.T, edits ...edit) string {
	t.Helper()
	f := newForgery(d.keys, jwt.SigningMethodES256, ecKey())
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

func requireProblem(t *testing.T, w *httptest.ResponseRecorder, code errors.Code) errors.Problem {
	t.Helper()
	var p errors.Problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, code.Name, p.Code)
	require.Equal(t, code.Status, w.Code)
	return p
}

func TestGoodTokenEnters(t *testing.T) {
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		d := newDoor(t, permNotesWrite)
		w := d.get("/", scheme+d.token(t))
		require.Equal(t, http.StatusNoContent, w.Code)
		require.Equal(t, user, d.entered.UserID)
		require.Equal(t, tenant, d.entered.TenantID)

		entered := line(t, d.log.String(), "entered")
		assert.Equal(t, user.String(), entered["user_id"])
		assert.Equal(t, tenant.String(), entered["tenant_id"])
		assert.Nil(t, line(t, d.log.String(), "token_rejected"))
	}
}

func TestNoTokenIsNoAttack(t *testing.T) {
	d := newDoor(t, permNotesWrite)
	token := d.token(t)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no header":       d.get("/"),
		"empty header":    d.get("/", ""),
		"another scheme":  d.get("/", "Basic dTpw"),
		"no scheme":       d.get("/", token),
		"in the query":    d.get("/?access_token=" + token),
		"no middleware":   d.get("/unauthenticated", "Bearer "+token),
		"a longer scheme": d.get("/", "Bearers "+token),
	} {
		requireProblem(t, w, errors.CodeAuthRequired)
		assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"), name)
	}
	assert.Zero(t, d.entered)
	assert.Empty(t, d.log.String())
}

func TestRefusedTokensAreAudited(t *testing.T) {
	d := newDoor(t, permNotesWrite)
	good := d.token(t)
	for name, c := range map[string]struct {
		headers []string
		code    errors.Code
		reason  string
	}{
		"expired":      {[]string{"Bearer " + d.token(t, claim("exp", at(-leeway)), claim("sid", quote(session.String())), claim("gen", "3"))}, errors.CodeTokenExpired, "expired"},
		"forged":       {[]string{"Bearer " + d.token(t, claim("iss", `"x"`))}, errors.CodeTokenInvalid, "wrong_issuer"},
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
		d.log.Reset()
		w := d.get("/", c.headers...)
		requireProblem(t, w, c.code)
		challenge := `error="invalid_token"`
		if c.code == errors.CodeValidation {
			challenge = `error="invalid_request"` // RFC 6750, section 3.1
		}
		assert.Contains(t, w.Header().Get("WWW-Authenticate"), challenge, name)
		event := line(t, d.log.String(), "token_rejected")
		require.NotNil(t, event, name)
		assert.Equal(t, "warning", event["level"], name)
		assert.Equal(t, true, event["audit"], name)
		assert.Equal(t, c.reason, event["reason"], name)
		assert.Equal(t, "192.0.2.1", event["remote_ip"], name)
		if c.reason == "expired" { // the service made it, so it is known whose it was
			assert.Equal(t, user.String(), event["user_id"])
			assert.Equal(t, tenant.String(), event["tenant_id"])
			assert.Equal(t, session.String(), event["session_id"])
		} else {
			assert.NotContains(t, event, "user_id", name)
			assert.NotContains(t, event, "tenant_id", name)
		}
		for _, part := range strings.Split(good, ".") {
			assert.NotContains(t, d.log.String(), part, name)
			assert.NotContains(t, w.Body.String(), part, name)
		}
	}
	assert.Zero(t, d.entered)
}

func TestRevokedTokenIsRefusedAndABrokenListIsNoRefusal(t *testing.T) {
	d := newDoor(t, permNotesWrite)
	d.revoking = func(context.Context, auth.Principal) (bool, error) { return true, nil }
	requireProblem(t, d.get("/", "Bearer "+d.token(t)), errors.CodeTokenRevoked)
	event := line(t, d.log.String(), "token_rejected")
	require.Equal(t, "revoked", event["reason"])
	require.Equal(t, user.String(), event["user_id"])

	d.log.Reset()
	d.revoking = func(context.Context, auth.Principal) (bool, error) {
		return false, errors.New(errors.CodeServiceUnavailable, "")
	}
	requireProblem(t, d.get("/", "Bearer "+d.token(t)), errors.CodeServiceUnavailable)
	require.Empty(t, d.log.String())
	require.Zero(t, d.entered)
}

// Not parallel: Require writes to the default log, which is the program's only one.
func TestMissingPermissionIsAudited(t *testing.T) {
	d := newDoor(t, permAuditRead)
	var log bytes.Buffer
	core, err := logging.NewCore(logging.Options{App: "test", Level: "debug", Format: "json", Output: &log})
	require.NoError(t, err)
	logging.SetDefault(core)

	problem := requireProblem(t, d.get("/", "Bearer "+d.token(t)), errors.CodePermissionDenied)
	assert.Equal(t, map[string]any{"permission": "audit:read"}, problem.Details)
	assert.Zero(t, d.entered)
	event := line(t, log.String(), "permission_denied")
	require.NotNil(t, event)
	assert.Equal(t, "warning", event["level"])
	assert.Equal(t, true, event["audit"])
	assert.Equal(t, "audit:read", event["permission"])
	assert.Equal(t, "192.0.2.1", event["remote_ip"])
	assert.Equal(t, user.String(), event["user_id"])
	assert.Equal(t, tenant.String(), event["tenant_id"])
	assert.Equal(t, "missing_permission", event["reason"])

	require.Equal(t, http.StatusNoContent, d.get("/", "Bearer "+d.token(t, claim("roles", `["owner"]`))).Code)
}
