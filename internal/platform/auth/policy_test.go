package auth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func TestGrantsAreResolved(t *testing.T) {
	t.Parallel()
	for grant, want := range map[auth.Permission][]auth.Permission{
		"notes:read":  {permNotesRead},
		"notes:*":     {permNotesRead, permNotesWrite},
		"*:read":      {permAuditRead, permNotesRead, permUsersRead},
		"*:write":     {permNotesWrite, permUsersWrite},
		"*:*":         {permAuditRead, permNotesRead, permNotesWrite, permUsersRead, permUsersWrite},
		"audit:*":     {permAuditRead},
		"users:write": {permUsersWrite},
	} {
		p := newPolicy(map[auth.Role][]auth.Permission{"x": {grant}})
		assert.Equal(t, want, p.Permissions("x"), grant)
		for _, permission := range permissions {
			granted := false
			for _, w := range want {
				granted = granted || w == permission
			}
			assert.Equal(t, granted, p.Can([]auth.Role{"x"}, permission), "%s %s", grant, permission)
		}
	}
}

// A wildcard is not a permission, and nothing unknown is allowed.
func TestOnlyKnownPermissionsAreAllowed(t *testing.T) {
	t.Parallel()
	for _, unknown := range []auth.Permission{"", "*", "*:*", "notes:*", "*:read", "notes:delete", "Notes:read", "notes:read ", "billing:read"} {
		assert.False(t, policy.Can([]auth.Role{roleOwner}, unknown), unknown)
		assert.False(t, policy.Known(unknown), unknown)
	}
	assert.True(t, policy.Known(permAuditRead))
	assert.False(t, policy.Can(nil, permNotesRead))
	assert.False(t, policy.Can([]auth.Role{"", "root", "Owner", "*"}, permNotesRead))
}

func TestNewPolicyRejects(t *testing.T) {
	t.Parallel()
	known := []auth.Permission{permNotesRead, permNotesWrite}
	for name, c := range map[string]struct {
		grants  map[auth.Role][]auth.Permission
		known   []auth.Permission
		message string
	}{
		"unknown permission":       {map[auth.Role][]auth.Permission{"x": {"notes:delete"}}, known, "matches no known permission"},
		"wildcard without a match": {map[auth.Role][]auth.Permission{"x": {"users:*"}}, known, "matches no known permission"},
		"action without a match":   {map[auth.Role][]auth.Permission{"x": {"*:delete"}}, known, "matches no known permission"},
		"no colon":                 {map[auth.Role][]auth.Permission{"x": {"notes"}}, known, "not of the form resource:action"},
		"two colons":               {map[auth.Role][]auth.Permission{"x": {"notes:read:all"}}, known, "not of the form resource:action"},
		"half a wildcard":          {map[auth.Role][]auth.Permission{"x": {"note*:read"}}, known, "not of the form resource:action"},
		"upper case":               {map[auth.Role][]auth.Permission{"x": {"Notes:read"}}, known, "not of the form resource:action"},
		"a blank":                  {map[auth.Role][]auth.Permission{"x": {"notes: read"}}, known, "not of the form resource:action"},
		"empty grant":              {map[auth.Role][]auth.Permission{"x": {""}}, known, "not of the form resource:action"},
		"a digit first":            {map[auth.Role][]auth.Permission{"x": {"1notes:read"}}, known, "not of the form resource:action"},
		"role without a name":      {map[auth.Role][]auth.Permission{"": {"notes:*"}}, known, "a role has no name"},
		"known wildcard":           {nil, []auth.Permission{"notes:*"}, "not of the form resource:action"},
		"known without an action":  {nil, []auth.Permission{"notes:"}, "not of the form resource:action"},
	} {
		p, err := auth.NewPolicy(c.grants, c.known)
		require.ErrorContains(t, err, c.message, name)
		assert.Nil(t, p, name)
	}
	_, err := auth.NewPolicy(map[auth.Role][]auth.Permission{"x": {"a"}, "y": {"b"}}, known)
	require.ErrorContains(t, err, `role "x"`)
	require.ErrorContains(t, err, `role "y"`, "the error contains all problems")
}

func TestRoles(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []auth.Role{roleAdmin, roleMember, roleOwner, roleViewer}, policy.Roles())
	assert.True(t, policy.Valid(roleOwner))
	for _, unknown := range []auth.Role{"", "Owner", "owner ", "root", "*"} {
		assert.False(t, policy.Valid(unknown), unknown)
		assert.Empty(t, policy.Permissions(unknown), unknown)
	}
}

func TestPolicyIsImmutable(t *testing.T) {
	t.Parallel()
	grants := map[auth.Role][]auth.Permission{"x": {permNotesRead}}
	p := newPolicy(grants)
	own := p.Permissions("x")
	own[0] = permUsersWrite
	grants["x"][0] = permUsersWrite
	grants["y"] = nil
	p.Roles()[0] = "y"
	require.Equal(t, []auth.Permission{permNotesRead}, p.Permissions("x"))
	require.False(t, p.Valid("y"))
}

func TestPermissionsOfSeveralRolesAddUp(t *testing.T) {
	t.Parallel()
	roles := []auth.Role{"unknown", roleViewer, roleMember}
	require.True(t, policy.Can(roles, permNotesWrite))
	require.True(t, policy.Can(roles, permAuditRead))
	require.False(t, policy.Can(roles, permUsersWrite))
	require.Equal(t, []auth.Permission{permAuditRead, permNotesRead, permNotesWrite, permUsersRead}, policy.Permissions(roles...))
}

// Scopes never add permissions.
func TestScopesRestrictRoles(t *testing.T) {
	t.Parallel()
	member := auth.Principal{Roles: []auth.Role{roleMember}}
	for name, c := range map[string]struct {
		scopes []auth.Permission
		want   []auth.Permission
	}{
		"none given":      {nil, []auth.Permission{permNotesRead, permNotesWrite, permUsersRead}},
		"empty":           {[]auth.Permission{}, nil},
		"one":             {[]auth.Permission{permNotesRead}, []auth.Permission{permNotesRead}},
		"beyond the role": {[]auth.Permission{permNotesRead, permAuditRead}, []auth.Permission{permNotesRead}},
		"a wildcard":      {[]auth.Permission{"*:*"}, nil},
	} {
		member.Scopes = c.scopes
		assert.ElementsMatch(t, c.want, policy.Granted(member), name)
		for _, permission := range permissions {
			want := false
			for _, w := range c.want {
				want = want || w == permission
			}
			assert.Equal(t, want, policy.Allows(member, permission), "%s %s", name, permission)
		}
	}
}

func TestZeroPolicyAllowsNothing(t *testing.T) {
	t.Parallel()
	none := &auth.Policy{}
	owner := auth.Principal{Roles: []auth.Role{roleOwner}}
	assert.False(t, none.Allows(owner, permNotesRead))
	assert.False(t, none.Valid(roleOwner))
	assert.False(t, none.Known(permNotesRead))
	assert.Empty(t, none.Roles())
	assert.Empty(t, none.Granted(owner))
	assert.False(t, policy.Allows(auth.Principal{}, permNotesRead), "nobody")
}

func TestPrincipalInContext(t *testing.T) {
	t.Parallel()
	_, ok := auth.PrincipalFrom(t.Context())
	require.False(t, ok)
	got, ok := auth.PrincipalFrom(auth.WithPrincipal(t.Context(), auth.Principal{UserID: user}))
	require.True(t, ok)
	require.Equal(t, user, got.UserID)
}
