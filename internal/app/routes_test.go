package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

func TestOnlyAuthenticationIsPublic(t *testing.T) {
	t.Parallel()
	owner := []auth.Role{access.RoleOwner}
	seen := map[string]bool{}
	for _, r := range routes(handlers{}) {
		name := r.Method + " " + r.Path
		assert.False(t, seen[name], "duplicate route %s", name)
		seen[name] = true
		switch r.Permission {
		case anybody:
			assert.True(t, strings.HasPrefix(r.Path, "/v1/auth/") || strings.HasPrefix(r.Path, "/.well-known/"), name)
		case authenticated:
		default:
			assert.True(t, !r.Self || strings.HasSuffix(r.Path, "/users/:id"), "%s has no user id", name)
			assert.True(t, access.Policy.Can(owner, r.Permission), "no owner has the permission of %s", name)
		}
	}
}

// as authenticates every request as one principal.
func as(p auth.Principal) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.SetRequest(c.Request().WithContext(auth.WithPrincipal(c.Request().Context(), p)))
			return next(c)
		}
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	me, other, forbidden := uuid.New(), uuid.NewString(), uuid.NewString()
	viewer := auth.Principal{UserID: me, TenantID: uuid.New(), Roles: []auth.Role{access.RoleViewer}}
	member := auth.Principal{UserID: me, TenantID: uuid.New(), Roles: []auth.Role{access.RoleMember}}
	owner := auth.Principal{UserID: me, TenantID: uuid.New(), Roles: []auth.Role{access.RoleOwner}}
	key := viewer
	key.APIKeyID, key.Scopes = uuid.New(), []auth.Permission{access.UsersRead}
	anyone := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	handle := func(c echo.Context, _ auth.Principal) error {
		if c.Param("id") == forbidden {
			return errors.New(errors.CodePermissionDenied, "An owner stays")
		}
		return anyone(c)
	}
	tests := map[string]struct {
		endpoint endpoint
		who      auth.Principal
		id       string
		status   int
		reason   string
	}{
		"public":                          {public(anyone), auth.Principal{}, other, http.StatusNoContent, ""},
		"signed in":                       {signedIn(handle), viewer, other, http.StatusNoContent, ""},
		"role has the permission":         {may(access.UsersRead, handle), member, other, http.StatusNoContent, ""},
		"role lacks the permission":       {may(access.UsersWrite, handle), viewer, other, http.StatusForbidden, "missing_permission"},
		"own id without mayOrSelf":        {may(access.UsersWrite, handle), viewer, me.String(), http.StatusForbidden, "missing_permission"},
		"own id":                          {mayOrSelf(access.UsersWrite, handle), viewer, me.String(), http.StatusNoContent, ""},
		"own id in capitals":              {mayOrSelf(access.UsersWrite, handle), viewer, strings.ToUpper(me.String()), http.StatusNoContent, ""},
		"other id without permission":     {mayOrSelf(access.UsersWrite, handle), viewer, other, http.StatusForbidden, "missing_permission"},
		"other id with permission":        {mayOrSelf(access.UsersWrite, handle), owner, other, http.StatusNoContent, ""},
		"API key with the id of its user": {mayOrSelf(access.UsersWrite, handle), key, me.String(), http.StatusForbidden, "missing_permission"},
		"zero endpoint":                   {endpoint{}, owner, me.String(), http.StatusForbidden, "missing_permission"},
		"forbidden by the feature":        {may(access.UsersRead, handle), owner, forbidden, http.StatusForbidden, "forbidden_by_rule"},
		"unknown permission":              {may("moon:land", handle), owner, me.String(), http.StatusForbidden, "missing_permission"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var denials []auth.Denial
			g := guard{authenticate: as(tt.who), denied: func(_ context.Context, d auth.Denial) { denials = append(denials, d) }}
			e := echo.New()
			e.HTTPErrorHandler = server.ErrorHandler(nil)
			add(e, http.MethodGet, "/users/:id", g.protect(tt.endpoint))
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users/"+tt.id, nil))
			assert.Equal(t, tt.status, w.Code)
			if tt.status == http.StatusForbidden {
				require.Len(t, denials, 1)
				assert.Equal(t, auth.Denial{
					Permission: tt.endpoint.Permission, Route: "GET /users/:id", Reason: tt.reason, Principal: tt.who,
				}, denials[0])
				return
			}
			assert.Empty(t, denials)
		})
	}
}

// No key of a user reaches the user's sessions and password. A refusal is in the audit trail.
func TestSessionsAndPasswordsAreNotForAPIKeys(t *testing.T) {
	t.Parallel()
	who := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), Roles: []auth.Role{access.RoleOwner}, APIKeyID: uuid.New()}
	var denials []auth.Denial
	g := guard{authenticate: as(who), denied: func(_ context.Context, d auth.Denial) { denials = append(denials, d) }}
	e, all := echo.New(), routes(handlers{keys: func(echo.Context) error { return nil }})
	e.HTTPErrorHandler = server.ErrorHandler(nil)
	require.NoError(t, g.register(e, all))
	var names []string
	for _, r := range all {
		if r.Permission != authenticated || r.Path == "/v1/me" {
			continue
		}
		names = append(names, r.Method+" "+r.Path)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), r.Method, r.Path, nil))
		assert.Equal(t, http.StatusForbidden, w.Code, r.Path)
		assert.Contains(t, w.Body.String(), `"code":"AUTHORIZATION_ERROR"`, r.Path)
		require.NotEmpty(t, denials, r.Path)
		assert.Equal(t, auth.Denial{
			Permission: authenticated, Route: r.Method + " " + r.Path, Reason: "forbidden_by_rule", Principal: who,
		}, denials[len(denials)-1])
	}
	assert.Equal(t, []string{
		"POST /v1/auth/logout", "POST /v1/auth/logout-all", "GET /v1/auth/sessions", "DELETE /v1/auth/sessions/:id",
		"POST /v1/me/password",
	}, names)
	assert.Len(t, denials, len(names))
}

func TestMistakeInARouteFailsTheStart(t *testing.T) {
	t.Parallel()
	handle := func(echo.Context, auth.Principal) error { return nil }
	for name, tt := range map[string]struct {
		endpoint endpoint
		want     string
	}{
		"no handler":                {may(access.UsersRead, nil), "GET /x: it has no handler"},
		"no handler, own id":        {mayOrSelf(access.UsersRead, nil), "GET /x: it has no handler"},
		"no handler, signed in":     {signedIn(nil), "GET /x: it has no handler"},
		"no public handler":         {public(nil), "GET /x: it has no handler"},
		"no endpoint":               {endpoint{}, "GET /x: it has no handler"},
		"permission of nobody":      {may("moon:land", handle), `GET /x: no role has the permission "moon:land"`},
		"no permission":             {may("", handle), `GET /x: no role has the permission ""`},
		"permission of nobody else": {mayOrSelf("moon:land", handle), `GET /x: no role has the permission "moon:land"`},
	} {
		err := guard{}.register(echo.New(), []Route{{http.MethodGet, "/x", tt.endpoint}})
		assert.ErrorContains(t, err, tt.want, name)
	}
}

func TestUnknownQueryParametersAreRefused(t *testing.T) {
	t.Parallel()
	done := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	handle := func(c echo.Context, _ auth.Principal) error { return done(c) }
	who := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), Roles: []auth.Role{access.RoleOwner}}
	e := echo.New()
	e.HTTPErrorHandler = server.ErrorHandler(nil)
	require.NoError(t, guard{authenticate: as(who)}.register(e, []Route{
		{http.MethodGet, "/public", public(done)},
		{http.MethodPost, "/signed-in", signedIn(handle)},
		{http.MethodGet, "/users/:id", mayOrSelf(access.UsersWrite, handle)},
		{http.MethodGet, "/list", may(access.UsersRead, handle).list("q")},
	}))
	for request, status := range map[string]int{
		"GET /public": 204, "GET /public?x=1": 400, "HEAD /public?x": 400, "POST /signed-in?q=1": 400, "POST /signed-in?": 204,
		"GET /users/" + who.UserID.String() + "?x=1": 400, "GET /users/7?x=1": 400, "GET /list?q=a&limit=1&cursor=b": 204,
		"GET /list?Q=a": 400, "GET /list?q=a&limt=1": 400, "GET /list?%zz": 400,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		assert.Equal(t, status, w.Code, request)
	}
}
