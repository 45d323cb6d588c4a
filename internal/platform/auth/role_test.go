package auth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func TestPermissionsOfRoles(t *testing.T) {
	t.Parallel()
	all := []auth.Permission{
		auth.PermNotesRead, auth.PermNotesWrite, auth.PermUsersRead, auth.PermUsersWrite, auth.PermAuditRead,
	}
	for role, allowed := range map[auth.Role][]auth.Permission{
		auth.RoleOwner:  all,
		auth.RoleAdmin:  all,
		auth.RoleMember: {auth.PermNotesRead, auth.PermNotesWrite, auth.PermUsersRead},
		auth.RoleViewer: {auth.PermNotesRead},
		"root":          nil,
		"Owner":         nil,
		"":              nil,
	} {
		assert.Equal(t, allowed != nil, role.Valid(), role)
		assert.Equal(t, allowed, role.Permissions(), role)
		p := auth.Principal{Roles: []auth.Role{role}}
		for _, permission := range all {
			want := false
			for _, a := range allowed {
				want = want || a == permission
			}
			assert.Equal(t, want, p.Can(permission), "%s %s", role, permission)
		}
		for _, unknown := range []auth.Permission{"", "*", "notes:*", "notes:delete", "Notes:read"} {
			assert.False(t, p.Can(unknown), "%s %s", role, unknown)
		}
	}
}

func TestCallersCannotGrantPermissions(t *testing.T) {
	t.Parallel()
	own := auth.RoleViewer.Permissions()
	own[0] = auth.PermUsersWrite
	require.False(t, auth.RoleViewer.Can(auth.PermUsersWrite))
	require.True(t, auth.RoleViewer.Can(auth.PermNotesRead))
}

func TestRolesAddUp(t *testing.T) {
	t.Parallel()
	p := auth.Principal{Roles: []auth.Role{"unknown", auth.RoleViewer, auth.RoleMember}}
	require.True(t, p.Can(auth.PermNotesWrite))
	require.False(t, p.Can(auth.PermAuditRead))
	require.False(t, auth.Principal{}.Can(auth.PermNotesRead))
}

func TestPrincipalInContext(t *testing.T) {
	t.Parallel()
	_, ok := auth.PrincipalFrom(t.Context())
	require.False(t, ok)
	got, ok := auth.PrincipalFrom(auth.WithPrincipal(t.Context(), auth.Principal{UserID: user}))
	require.True(t, ok)
	require.Equal(t, user, got.UserID)
}
