package auth

import "slices"

// Role is what a member is in a tenant.
type Role string

// The roles. An unknown one has no permission.
const (
	RoleOwner  Role = "owner"  // runs the tenant; the last one stays
	RoleAdmin  Role = "admin"  // runs the tenant but for its owners
	RoleMember Role = "member" // works in it
	RoleViewer Role = "viewer" // reads
)

// Permission is the right to one kind of action, written resource:action.
type Permission string

// The permissions that routes ask for.
const (
	PermNotesRead  Permission = "notes:read"
	PermNotesWrite Permission = "notes:write"
	PermUsersRead  Permission = "users:read"
	PermUsersWrite Permission = "users:write"
	PermAuditRead  Permission = "audit:read"
)

var permissionsOf = map[Role][]Permission{
	RoleOwner:  {PermNotesRead, PermNotesWrite, PermUsersRead, PermUsersWrite, PermAuditRead},
	RoleAdmin:  {PermNotesRead, PermNotesWrite, PermUsersRead, PermUsersWrite, PermAuditRead},
	RoleMember: {PermNotesRead, PermNotesWrite, PermUsersRead},
	RoleViewer: {PermNotesRead},
}

// Valid reports whether r is one of the roles above, spelt exactly so.
func (r Role) Valid() bool {
	_, known := permissionsOf[r]
	return known
}

// Can reports whether r has the permission.
func (r Role) Can(permission Permission) bool {
	return slices.Contains(permissionsOf[r], permission)
}

// Permissions returns what r may do, none for an unknown role. The caller owns the slice.
func (r Role) Permissions() []Permission { return slices.Clone(permissionsOf[r]) }
