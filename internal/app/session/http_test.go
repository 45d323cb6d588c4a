package session_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// serve answers one request of p with the routes of the feature.
func (r *replica) serve(t testing.TB, p auth.Principal, method, path, body string) apptest.Response {
	t.Helper()
	e, h := apptest.Router(), session.NewHandler(r.Service)
	e.POST("/v1/auth/refresh", h.Refresh)
	e.POST("/v1/auth/logout", apptest.Handler(h.Logout))
	e.POST("/v1/auth/logout-all", apptest.Handler(h.LogoutAll))
	e.GET("/v1/auth/sessions", apptest.Handler(h.List))
	e.DELETE("/v1/auth/sessions/:id", apptest.Handler(h.End))
	return apptest.Call(t, e, p, method, path, body, func(req *http.Request) { req.Header.Set("User-Agent", "Browser/2") })
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	tokens, other := r.open(t, m), r.open(t, m)

	nobody := auth.Principal{}
	got := r.serve(t, nobody, "POST", "/v1/auth/refresh", `{"refresh_token":"`+tokens.RefreshToken+`"}`)
	require.Equal(t, http.StatusOK, got.Status, got.Body)
	assert.Len(t, got.Body, 1)
	pair, ok := got.Body["tokens"].(map[string]any)
	require.True(t, ok)
	assert.Len(t, pair, 4)
	assert.Equal(t, "Bearer", pair["token_type"])
	assert.InDelta(t, 900, pair["expires_in"], 1)
	token, ok := pair["access_token"].(string)
	require.True(t, ok)
	assert.NotEmpty(t, pair["refresh_token"])

	p := r.principal(t, session.Tokens{AccessToken: token})
	got = r.serve(t, p, "GET", "/v1/auth/sessions", "")
	require.Equal(t, http.StatusOK, got.Status, got.Body)
	items, _ := got.Body["items"].([]any)
	require.Len(t, items, 2)
	first, _ := items[0].(map[string]any)
	assert.Equal(t, tokens.SessionID.String(), first["id"])
	assert.Equal(t, true, first["current"])
	assert.Equal(t, "Browser/2", first["user_agent"])
	for _, name := range []string{"id", "created_at", "last_used_at", "expires_at", "remote_ip", "user_agent", "current"} {
		assert.Contains(t, first, name)
	}
	assert.Len(t, first, 7)

	tests := []struct {
		by                 auth.Principal
		method, path, body string
		code               int
	}{
		{nobody, "POST", "/v1/auth/refresh", `{}`, 400},
		{nobody, "POST", "/v1/auth/refresh", `{"refresh_token":""}`, 400},
		{nobody, "POST", "/v1/auth/refresh", `{"refresh_token":"x"}`, 401},
		{nobody, "POST", "/v1/auth/refresh", `{"refresh_token":7}`, 400},
		{nobody, "POST", "/v1/auth/refresh", `{"token":"x"}`, 400},
		{nobody, "GET", "/v1/auth/sessions", "", 401},
		{nobody, "POST", "/v1/auth/logout", "", 401},
		{nobody, "POST", "/v1/auth/logout-all", "", 401},
		{nobody, "DELETE", "/v1/auth/sessions/" + other.SessionID.String(), "", 401},
		{p, "DELETE", "/v1/auth/sessions/x", "", 400},
		{p, "DELETE", "/v1/auth/sessions/" + uuid.NewString(), "", 404},
		{p, "DELETE", "/v1/auth/sessions/" + other.SessionID.String(), "", 204},
		{p, "POST", "/v1/auth/logout", `{"refresh_token":"x"}`, 400},
		{p, "POST", "/v1/auth/logout-all", `{"all":true}`, 400},
		{p, "POST", "/v1/auth/logout", `{}`, 204},
	}
	for _, tt := range tests {
		got := r.serve(t, tt.by, tt.method, tt.path, tt.body)
		assert.Equal(t, tt.code, got.Status, "%s %s %s: %v", tt.method, tt.path, tt.body, got.Body)
	}
	r.stale(t, session.Tokens{AccessToken: token})
	last := r.open(t, m)
	assert.Equal(t, http.StatusNoContent, r.serve(t, r.principal(t, last), "POST", "/v1/auth/logout-all", "").Status)
	r.stale(t, last)
}
