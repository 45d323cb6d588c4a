package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func TestOnlyTheWayInIsPublic(t *testing.T) {
	t.Parallel()
	owner := auth.Principal{Roles: []auth.Role{auth.RoleOwner}}
	seen := map[string]bool{}
	for _, r := range routes(handlers{identity.NewHandler(nil), notes.NewHandler(nil)}) {
		name := r.method + " " + r.path
		assert.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
		switch r.permission {
		case public:
			assert.True(t, strings.HasPrefix(r.path, "/v1/auth/"), name)
		case signedIn:
		default:
			assert.True(t, owner.Can(r.permission), "%s asks for what not even an owner has", name)
		}
	}
}
