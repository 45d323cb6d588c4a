// Package access says who may do what in this service: the permissions that routes ask for, the roles that members have in
// a tenant, and the policy that ties them together. A new feature adds its permissions here and says which roles have them.
//
// What depends on the object and not on the role, such as that the last owner stays, or that members see their own API keys
// only, is a rule of the service that keeps the object. What is a principal's own, such as its sessions, needs no permission.
package access

import "github.com/netrun-systems/go-service-template/internal/platform/auth"

// The permissions that routes ask for.
const (
	NotesRead    auth.Permission = "notes:read"
	NotesWrite   auth.Permission = "notes:write"
	UsersRead    auth.Permission = "users:read"
	UsersWrite   auth.Permission = "users:write"
	AuditRead    auth.Permission = "audit:read"
	APIKeysRead  auth.Permission = "api_keys:read" //nolint:gosec // no credential
	APIKeysWrite auth.Permission = "api_keys:write"
)

// The roles.
const (
	RoleOwner  auth.Role = "owner"  // runs the tenant; the last one stays
	RoleAdmin  auth.Role = "admin"  // runs the tenant but for its owners
	RoleMember auth.Role = "member" // works in it
	RoleViewer auth.Role = "viewer" // reads
)

// Permissions returns every permission. The caller owns the slice.
func Permissions() []auth.Permission {
	return []auth.Permission{NotesRead, NotesWrite, UsersRead, UsersWrite, AuditRead, APIKeysRead, APIKeysWrite}
}

// Policy is what each role may do. Owners have everything, also what is added later; for all others it is said here.
var Policy = must(auth.NewPolicy(map[auth.Role][]auth.Permission{
	RoleOwner:  {"*:*"},
	RoleAdmin:  {"notes:*", "users:*", "api_keys:*", AuditRead},
	RoleMember: {"notes:*", "api_keys:*", UsersRead},
	RoleViewer: {NotesRead},
}, Permissions()))

// must ends a program whose policy is wrong before it does anything: the policy is a part of its source.
func must(p *auth.Policy, err error) *auth.Policy {
	if err != nil {
		panic(err)
	}
	return p
}
