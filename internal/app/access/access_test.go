package access_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// What each role may do, spelled out: a change of the policy shows here.
func TestPermissionsOfRoles(t *testing.T) {
	t.Parallel()
	all := []auth.Permission{"api_keys:read", "api_keys:write", "audit:read", "notes:read", "notes:write", "users:read", "users:write"}
	want := map[auth.Role][]auth.Permission{
		"owner":  all,
		"admin":  all,
		"member": {"api_keys:read", "api_keys:write", "notes:read", "notes:write", "users:read"},
		"viewer": {"notes:read"},
	}
	assert.Equal(t, []auth.Role{"admin", "member", "owner", "viewer"}, access.Policy.Roles())
	assert.ElementsMatch(t, all, access.Permissions())
	for role, permissions := range want {
		assert.Equal(t, permissions, access.Policy.Permissions(role), role)
	}
	for _, unknown := range []auth.Role{"", "root", "Owner", "*"} {
		assert.False(t, access.Policy.Valid(unknown), unknown)
		assert.Empty(t, access.Policy.Permissions(unknown), unknown)
	}
}
