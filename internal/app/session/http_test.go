package session_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// serve answers one request with the routes of the feature, as the principal of an access token, if any.
func (r *replica) serve(t testing.TB, method, path, body, token string) *httptest.ResponseRecorder {
	t.Helper()
	h, e := session.NewHandler(r.Service), echo.New()
	e.HTTPErrorHandler = errors.Handler(nil)
	key := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if token == "api-key" {
				c.SetRequest(c.Request().WithContext(auth.WithPrincipal(c.Request().Context(), auth.Principal{APIKeyID: uuid.New()})))
			} else if token != "" {
				p := r.principal(t, session.Tokens{AccessToken: token})
				ctx := db.WithUser(db.WithTenant(c.Request().Context(), p.TenantID), p.UserID)
				c.SetRequest(c.Request().WithContext(auth.WithPrincipal(ctx, p)))
			}
			return next(c)
		}
	}
	e.POST("/v1/auth/refresh", h.Refresh)
	e.POST("/v1/auth/logout", h.Logout, key)
	e.POST("/v1/auth/logout-all", h.LogoutAll, key)
	e.GET("/v1/auth/sessions", h.List, key)
	e.DELETE("/v1/auth/sessions/:id", h.End, key)
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Browser/2")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, req)
	return w
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	r, admin := one(t)
	m := newMember(t, admin, access.RoleOwner)
	tokens, other := r.open(t, m), r.open(t, m)

	w := r.serve(t, "POST", "/v1/auth/refresh", `{"refresh_token":"`+tokens.RefreshToken+`"}`, "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	assert.Len(t, answer, 4)
	assert.Equal(t, "Bearer", answer["token_type"])
	assert.InDelta(t, 900, answer["expires_in"], 1)
	access, ok := answer["access_token"].(string)
	require.True(t, ok)
	assert.NotEmpty(t, answer["refresh_token"])

	w = r.serve(t, "GET", "/v1/auth/sessions", "", access)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var list struct{ Items []map[string]any }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	require.Len(t, list.Items, 2)
	assert.Equal(t, tokens.SessionID.String(), list.Items[0]["id"])
	assert.Equal(t, true, list.Items[0]["current"])
	assert.Equal(t, "Browser/2", list.Items[0]["user_agent"])
	for _, name := range []string{"id", "created_at", "last_used_at", "expires_at", "remote_ip", "user_agent", "current"} {
		assert.Contains(t, list.Items[0], name)
	}
	assert.Len(t, list.Items[0], 7)

	tests := []struct {
		method, path, body, token string
		code                      int
	}{
		{"POST", "/v1/auth/refresh", `{}`, "", 400},
		{"POST", "/v1/auth/refresh", `{"refresh_token":""}`, "", 400},
		{"POST", "/v1/auth/refresh", `{"refresh_token":"x"}`, "", 401},
		{"POST", "/v1/auth/refresh", `{"refresh_token":7}`, "", 400},
		{"POST", "/v1/auth/refresh", `{"token":"x"}`, "", 400},
		{"GET", "/v1/auth/sessions", "", "", 401},
		{"POST", "/v1/auth/logout", "", "", 401},
		{"POST", "/v1/auth/logout-all", "", "", 401},
		{"DELETE", "/v1/auth/sessions/" + other.SessionID.String(), "", "", 401},
		{"GET", "/v1/auth/sessions", "", "api-key", 403},
		{"POST", "/v1/auth/logout", "", "api-key", 403},
		{"POST", "/v1/auth/logout-all", "", "api-key", 403},
		{"DELETE", "/v1/auth/sessions/" + other.SessionID.String(), "", "api-key", 403},
		{"DELETE", "/v1/auth/sessions/x", "", access, 400},
		{"DELETE", "/v1/auth/sessions/" + uuid.NewString(), "", access, 404},
		{"DELETE", "/v1/auth/sessions/" + other.SessionID.String(), "", access, 204},
		{"POST", "/v1/auth/logout", "", access, 204},
	}
	for _, tt := range tests {
		w := r.serve(t, tt.method, tt.path, tt.body, tt.token)
		assert.Equal(t, tt.code, w.Code, "%s %s %s: %s", tt.method, tt.path, tt.body, w.Body)
	}
	r.stale(t, session.Tokens{AccessToken: access})
	last := r.open(t, m)
	assert.Equal(t, http.StatusNoContent, r.serve(t, "POST", "/v1/auth/logout-all", "", last.AccessToken).Code)
	r.stale(t, last)
}
