package integration

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

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

// Each role calls each route with ids that do not exist: with the permission it gets any response
// but a refusal, without it exactly that. The service lists the routes, so that new ones are
// covered automatically.
func TestRolePermissionsOnEveryRoute(t *testing.T) {
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

// Each API key of an owner has one scope, and may call the routes of that scope only.
func TestKeyScopesOnEveryRoute(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	keys := map[string]string{}
	for _, permission := range access.Permissions() {
		_, keys[string(permission)] = owner.key(string(permission))
	}
	const excluded = "DELETE /v1/api-keys/:id" // an API key cannot revoke keys
	for _, r := range listRoutes(t) {
		if r.Permission == "public" || r.Permission == "authenticated" || r.Method+" "+r.Path == excluded {
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

// assertServed asserts that a request reached its handler, which may have rejected it.
func assertServed(t testing.TB, res response, who any, r listed) {
	t.Helper()
	assert.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, res.status, "%s: %s %s", who, r.Method, r.Path)
	assert.Less(t, res.status, 500, "%s: %s %s: %s", who, r.Method, r.Path, res.body)
}

// Users without the permission may call the routes marked as self for their own id, and no others.
func TestSelfRoutesNeedNoPermission(t *testing.T) {
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
	require.Equal(t, http.StatusNoContent, viewer.delete("/v1/users/"+viewer.userID).status, "every member may leave")
	viewer.get("/v1/me").problem(errors.CodeTokenRevoked)
}

// concrete replaces each path parameter by an id that does not exist.
func concrete(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || strings.HasPrefix(part, "{") {
			parts[i] = uuid.NewString()
		}
	}
	return strings.Join(parts, "/")
}

// bodyOf returns a body that every route rejects, so that nothing is changed.
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

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	bob := owner.member("member")
	id, text := bob.key("users:read")
	assert.Equal(t, http.StatusOK, bob.withKey(text, "GET", "/v1/users", nil).status)
	bob.withKey(text, "GET", "/v1/api-keys", nil).problem(errors.CodePermissionDenied)
	assert.Equal(t, bob.userID, bob.withKey(text, "GET", "/v1/me", nil).text("id"))

	list := bob.get("/v1/api-keys")
	assert.NotContains(t, string(list.body), text, "a list must not contain the key")
	item := list.value("items").([]any)[0].(map[string]any)
	assert.Equal(t, id, item["id"])
	assert.NotNil(t, bob.get("/v1/api-keys/"+id).value("last_used_at"))

	t.Run("rejected requests", func(t *testing.T) {
		for field, body := range map[string]map[string]any{
			"scopes.0":   {"name": "x", "scopes": []string{"moon:land"}},
			"name":       {"name": "", "scopes": []string{"users:read"}},
			"expires_at": {"name": "x", "scopes": []string{"users:read"}, "expires_at": time.Now().Add(-time.Hour).Format(time.RFC3339)},
		} {
			res := bob.post("/v1/api-keys", body)
			res.problem(errors.CodeValidation)
			assert.Equal(t, []string{field}, res.fields())
		}
		bob.post("/v1/api-keys", map[string]any{"name": "x", "scopes": []string{"users:write"}}).problem(errors.CodePermissionDenied)
		for name, bad := range map[string]string{"changed": text[:len(text)-1] + "A", "junk": "junk", "cut": text[:20], "token": bob.token} {
			if bad == text {
				bad = text[:len(text)-1] + "B"
			}
			assert.Equal(t, http.StatusUnauthorized, bob.withKey(bad, "GET", "/v1/users", nil).status, name)
		}
		res := bob.withKey(text, "POST", "/v1/api-keys", map[string]any{"name": "x", "scopes": []string{"users:read"}})
		res.problem(errors.CodePermissionDenied)
		bob.do(request{method: "GET", path: "/v1/users", header: map[string]string{"X-API-Key": text}}).problem(errors.CodeValidation)
	})

	t.Run("a lower role limits the key", func(t *testing.T) {
		_, reads := bob.key("users:read", "api_keys:read")
		require.Equal(t, http.StatusOK, bob.withKey(reads, "GET", "/v1/api-keys", nil).status)
		require.Equal(t, http.StatusOK, owner.setRole(bob.userID, "viewer").status)
		bob.withKey(reads, "GET", "/v1/api-keys", nil).problem(errors.CodePermissionDenied)
	})

	t.Run("revoked", func(t *testing.T) {
		stranger := s.client.register()
		stranger.delete("/v1/api-keys/" + id).problem(errors.CodeNotFound)
		require.Equal(t, http.StatusNoContent, owner.delete("/v1/api-keys/"+id).status)
		bob.withKey(text, "GET", "/v1/users", nil).problem(errors.CodeTokenRevoked)
	})
	assert.NotContains(t, s.dump(), text, "the log must not contain the key")
}
