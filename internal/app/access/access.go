// Package access defines the authorization policy: the permissions of routes, the roles of members,
// and the permissions of each role. A new feature adds its permissions here.
//
// Rules about an object rather than a role belong to the service of the object, for example that
// the last owner stays or that members see only their own API keys. What belongs to the principal,
// such as its sessions, needs no permission.
package access

import "github.com/netrun-systems/go-service-template/internal/platform/auth"

// The permissions of routes.
const (
	UsersRead  auth.Permission = "users:read"
	UsersWrite auth.Permission = "users:write"

	AuditRead auth.Permission = "audit:read"

	APIKeysRead  auth.Permission = "api_keys:read" //nolint:gosec // no credential
	APIKeysWrite auth.Permission = "api_keys:write"

	NotesRead      auth.Permission = "notes:read"      // part:notes
	NotesWrite     auth.Permission = "notes:write"     // part:notes
	NotesSummarize auth.Permission = "notes:summarize" // part:notes part:llm
)

// The roles.
const (
	RoleOwner  auth.Role = "owner"  // manages everything; the last owner stays
	RoleAdmin  auth.Role = "admin"  // manages everything except owners
	RoleMember auth.Role = "member" // reads and writes
	RoleViewer auth.Role = "viewer" // reads
)

// Permissions returns every permission. The caller owns the slice.
func Permissions() []auth.Permission {
	return []auth.Permission{
		UsersRead, UsersWrite, AuditRead, APIKeysRead, APIKeysWrite,
		NotesRead, NotesWrite, // part:notes
		NotesSummarize, // part:notes part:llm
	}
}

// Policy has the permissions of each role. Owners have all, including those added later.
var Policy = must(auth.NewPolicy(map[auth.Role][]auth.Permission{
	RoleOwner: {"*:*"},
	RoleAdmin: {
		"users:*", "api_keys:*", AuditRead,
		"notes:*", // part:notes
	},
	RoleMember: {
		"api_keys:*", UsersRead,
		"notes:*", // part:notes
	},
	RoleViewer: {
		NotesRead, // part:notes
	},
}, Permissions()))

// must panics at start if the policy is invalid, because the policy is source code.
func must(p *auth.Policy, err error) *auth.Policy {
	if err != nil {
		panic(err)
	}
	return p
}
