package integration

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// listed is a route as `api routes --format json` prints it.
type listed struct {
	Method     string `json:"method"`
	Path       string `json:"path"`
	Permission string `json:"permission"` // public, authenticated, or a permission
	Self       bool   `json:"self"`
}

func listRoutes(t testing.TB) (list []listed) {
	t.Helper()
	out, err := exec.Command(binary, "routes", "--format", "json").Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &list))
	require.NotEmpty(t, list)
	return list
}

// member makes a member with a role in the tenant of an owner.
func (c client) member(role auth.Role) client {
	c.t.Helper()
	email := uuid.NewString() + "@example.com"
	res := c.post("/v1/users", map[string]any{"email": email, "password": password, "role": string(role)})
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	m := c
	m.email, m.userID = email, res.text("id")
	return m.login()
}

// Each role tries each route, with ids of nothing: who has the permission gets anything but a refusal, who has not gets
// exactly that. The routes come from the service, so that a new one is in here by itself.
func TestPrivilegeMatrix(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	clients := map[auth.Role]client{}
	for _, role := range access.Policy.Roles() {
		clients[role] = owner.member(role)
	}
	for _, r := range listRoutes(t) {
		require.NotEmpty(t, r.Permission, "%s %s has no permission", r.Method, r.Path)
		if r.Permission == "public" {
			continue
		}
		path := concrete(r.Path)
		s.client.do(request{method: r.Method, path: path}).status401(t, r)
		if r.Permission == "authenticated" {
			continue
		}
		for role, c := range clients {
			res := c.do(request{method: r.Method, path: path, body: bodyOf(r.Method)})
			if access.Policy.Can([]auth.Role{role}, auth.Permission(r.Permission)) {
				assertServed(t, res, role, r)
				continue
			}
			require.Equal(t, http.StatusForbidden, res.status, "%s: %s %s: %s", role, r.Method, r.Path, res.body)
			if r.Method != http.MethodHead {
				res.problem(errors.CodePermissionDenied)
			}
		}
	}
	assert.NotEmpty(t, s.events("permission_denied"))
}

// The same for API keys of an owner: each has one scope, and does what that allows and nothing else.
func TestPrivilegesOfKeys(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	keys := map[string]string{}
	for _, permission := range access.Permissions() {
		_, keys[string(permission)] = owner.key(string(permission))
	}
	ruledOut := "DELETE /v1/api-keys/:id" // a key ends no other
	for _, r := range listRoutes(t) {
		if r.Permission == "public" || r.Permission == "authenticated" || r.Method+" "+r.Path == ruledOut {
			continue
		}
		for scope, key := range keys {
			res := owner.withKey(key, r.Method, concrete(r.Path), bodyOf(r.Method))
			if scope == r.Permission {
				assertServed(t, res, scope, r)
				continue
			}
			assert.Equal(t, http.StatusForbidden, res.status, "%s: %s %s: %s", scope, r.Method, r.Path, res.body)
		}
	}
}

// assertServed says that a request got to its handler, which may not have liked it.
func assertServed(t testing.TB, res response, who any, r listed) {
	t.Helper()
	assert.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, res.status, "%s: %s %s", who, r.Method, r.Path)
	assert.Less(t, res.status, 500, "%s: %s %s: %s", who, r.Method, r.Path, res.body)
}

// Without the permission, users do to themselves what the list says, and no more.
func TestPrivilegesOverOneself(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	viewer := s.client.register().member("viewer")
	var mine []string
	for _, r := range listRoutes(t) {
		if !strings.HasPrefix(r.Path, "/v1/users/:") {
			continue
		}
		name, path := r.Method+" "+r.Path, strings.ReplaceAll(r.Path, ":id", viewer.userID)
		if r.Self {
			mine = append(mine, name)
			continue
		}
		viewer.do(request{method: r.Method, path: path, body: bodyOf(r.Method)}).problem(errors.CodePermissionDenied)
	}
	assert.Equal(t, []string{"GET /v1/users/:id", "DELETE /v1/users/:id"}, mine)
	assert.Equal(t, viewer.email, viewer.get("/v1/users/"+viewer.userID).text("email"))
	require.Equal(t, http.StatusNoContent, viewer.remove(viewer.userID).status, "everybody may leave")
	viewer.get("/v1/me").problem(errors.CodeTokenRevoked)
}

// concrete puts an id that nothing has in the place of each parameter.
func concrete(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || strings.HasPrefix(part, "{") {
			parts[i] = uuid.NewString()
		}
	}
	return strings.Join(parts, "/")
}

// bodyOf is a body that no route takes, so that nothing is changed.
func bodyOf(method string) any {
	if method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut {
		return `{"no_such_field":1}`
	}
	return nil
}

func (r response) status401(t testing.TB, route listed) {
	t.Helper()
	require.Equal(t, http.StatusUnauthorized, r.status, "%s %s without a token", route.Method, route.Path)
}
