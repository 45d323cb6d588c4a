package integration

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// key makes an API key and returns its id and its text.
func (c client) key(scopes ...string) (id, text string) {
	c.t.Helper()
	res := c.post("/v1/api-keys", map[string]any{"name": "for a test", "scopes": scopes})
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	assert.Equal(c.t, "no-store", res.header.Get("Cache-Control"))
	return res.text("id"), res.text("key")
}

// withKey makes a request with an API key.
func (c client) withKey(text, method, path string, body any) response {
	c.t.Helper()
	return client{t: c.t, base: c.base}.do(request{method: method, path: path, body: body, header: map[string]string{"X-API-Key": text}})
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	bob := owner.member("member")
	id, text := bob.key("notes:read")
	assert.Equal(t, http.StatusOK, bob.withKey(text, "GET", "/v1/notes", nil).status)
	bob.withKey(text, "POST", "/v1/notes", `{"title":"x"}`).problem(errors.CodePermissionDenied)
	assert.Equal(t, bob.userID, bob.withKey(text, "GET", "/v1/me", nil).text("id"))

	list := bob.get("/v1/api-keys")
	assert.NotContains(t, string(list.body), text, "a key is shown once")
	item := list.value("items").([]any)[0].(map[string]any)
	assert.Equal(t, id, item["id"])
	platformtest.Eventually(t, soon, func() error { // requests do not wait for it to be written down
		if bob.get("/v1/api-keys/"+id).value("last_used_at") == nil {
			return errors.Sentinel("the use is not written down")
		}
		return nil
	})

	t.Run("what is refused", func(t *testing.T) {
		for field, body := range map[string]map[string]any{
			"scopes.0":   {"name": "x", "scopes": []string{"moon:land"}},
			"name":       {"name": "", "scopes": []string{"notes:read"}},
			"expires_at": {"name": "x", "scopes": []string{"notes:read"}, "expires_at": time.Now().Add(-time.Hour).Format(time.RFC3339)},
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
			assert.Equal(t, http.StatusUnauthorized, bob.withKey(bad, "GET", "/v1/notes", nil).status, name)
		}
		res := bob.withKey(text, "POST", "/v1/api-keys", map[string]any{"name": "x", "scopes": []string{"notes:read"}})
		res.problem(errors.CodePermissionDenied)
		bob.do(request{method: "GET", path: "/v1/notes", header: map[string]string{"X-API-Key": text}}).problem(errors.CodeValidation)
	})

	t.Run("a lesser role limits the key", func(t *testing.T) {
		_, writes := bob.key("notes:write", "notes:read")
		require.Equal(t, http.StatusCreated, bob.withKey(writes, "POST", "/v1/notes", `{"title":"x"}`).status)
		require.Equal(t, http.StatusOK, owner.setRole(bob.userID, "viewer").status)
		bob.withKey(writes, "POST", "/v1/notes", `{"title":"x"}`).problem(errors.CodePermissionDenied)
	})

	t.Run("revoked", func(t *testing.T) {
		stranger := s.client.register()
		stranger.do(request{method: "DELETE", path: "/v1/api-keys/" + id}).problem(errors.CodeNotFound)
		require.Equal(t, http.StatusNoContent, owner.do(request{method: "DELETE", path: "/v1/api-keys/" + id}).status)
		bob.withKey(text, "GET", "/v1/notes", nil).problem(errors.CodeTokenRevoked)
	})
	assert.NotContains(t, s.dump(), text, "no key in the log")
}
