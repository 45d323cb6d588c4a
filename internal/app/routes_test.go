package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func TestOnlyTheWayInIsPublic(t *testing.T) {
	t.Parallel()
	owner := []auth.Role{access.RoleOwner}
	seen := map[string]bool{}
	for _, r := range routes(handlers{}) {
		name := r.method + " " + r.path
		assert.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
		switch r.condition {
		case public:
			assert.True(t, strings.HasPrefix(r.path, "/v1/auth/") || strings.HasPrefix(r.path, "/.well-known/"), name)
		case signedIn:
		default:
			assert.True(t, !r.condition.self || strings.HasSuffix(r.path, "/users/:id"), "%s names no user", name)
			assert.True(t, access.Policy.Can(owner, r.condition.permission), "%s asks for what not even an owner has", name)
		}
	}
}
