package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

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
	me, other, ruledOut := uuid.New(), uuid.New(), uuid.New()
	viewer := auth.Principal{UserID: me, TenantID: uuid.New(), Roles: []auth.Role{access.RoleViewer}}
	owner := auth.Principal{UserID: me, TenantID: uuid.New(), Roles: []auth.Role{access.RoleOwner}}
	key := viewer
	key.APIKeyID, key.Scopes = uuid.New(), []auth.Permission{access.NotesRead}
	tests := map[string]struct {
		condition condition
		who       auth.Principal
		id        uuid.UUID
		status    int
		reason    string
	}{
		"public":                               {public, auth.Principal{}, other, http.StatusNoContent, ""},
		"signed in":                            {signedIn, viewer, other, http.StatusNoContent, ""},
		"the role has the permission":          {may(access.NotesRead), viewer, other, http.StatusNoContent, ""},
		"the role has it not":                  {may(access.UsersWrite), viewer, other, http.StatusForbidden, "missing_permission"},
		"not even for oneself":                 {may(access.UsersWrite), viewer, me, http.StatusForbidden, "missing_permission"},
		"for oneself":                          {mayOrSelf(access.UsersWrite), viewer, me, http.StatusNoContent, ""},
		"not for others":                       {mayOrSelf(access.UsersWrite), viewer, other, http.StatusForbidden, "missing_permission"},
		"for others with the permission":       {mayOrSelf(access.UsersWrite), owner, other, http.StatusNoContent, ""},
		"a key is not its user":                {mayOrSelf(access.UsersWrite), key, me, http.StatusForbidden, "missing_permission"},
		"a route whose condition is forgotten": {condition{}, owner, me, http.StatusForbidden, "missing_permission"},
		"a rule of the feature":                {may(access.UsersRead), owner, ruledOut, http.StatusForbidden, "forbidden_by_rule"},
		"a permission that there is not":       {may("moon:land"), owner, me, http.StatusForbidden, "missing_permission"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var denials []auth.Denial
			g := guard{authenticate: as(tt.who), denied: func(_ context.Context, d auth.Denial) { denials = append(denials, d) }}
			e := echo.New()
			e.HTTPErrorHandler = errors.Handler(nil)
			g.register(e, []route{{http.MethodGet, "/users/:id", tt.condition, func(c echo.Context) error {
				if c.Param("id") == ruledOut.String() {
					return errors.New(errors.CodePermissionDenied, "An owner stays")
				}
				return c.NoContent(http.StatusNoContent)
			}}})
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users/"+tt.id.String(), nil))
			assert.Equal(t, tt.status, w.Code)
			if tt.status == http.StatusForbidden {
				require.Len(t, denials, 1)
				assert.Equal(t, auth.Denial{
					Permission: tt.condition.permission, Route: "GET /users/:id", Reason: tt.reason, Principal: tt.who,
				}, denials[0])
				return
			}
			assert.Empty(t, denials)
		})
	}
}
