package access_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// TestPermissionsOfRoles repeats the policy for members, API keys and the audit trail, so that a
// change of it fails a test. Of other features it expects only that owners have all permissions.
func TestPermissionsOfRoles(t *testing.T) {
	t.Parallel()
	all := []auth.Permission{"api_keys:read", "api_keys:write", "audit:read", "users:read", "users:write"}
	want := map[auth.Role][]auth.Permission{
		"owner":  all,
		"admin":  all,
		"member": {"api_keys:read", "api_keys:write", "users:read"},
		"viewer": nil,
	}
	assert.Equal(t, []auth.Role{"admin", "member", "owner", "viewer"}, access.Policy.Roles())
	assert.ElementsMatch(t, access.Permissions(), access.Policy.Permissions(access.RoleOwner))
	assert.Subset(t, access.Permissions(), all)
	for role, permissions := range want {
		got := slices.DeleteFunc(access.Policy.Permissions(role), func(p auth.Permission) bool { return !slices.Contains(all, p) })
		assert.ElementsMatch(t, permissions, got, role)
	}
	for _, unknown := range []auth.Role{"", "root", "Owner", "*"} {
		assert.False(t, access.Policy.Valid(unknown), unknown)
		assert.Empty(t, access.Policy.Permissions(unknown), unknown)
	}
}
