package members

import (
	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	lastOwner     = "The last owner of a tenant stays: make somebody else an owner first"
	ownersOnly    = "Only an owner may make, change or remove an owner"
	ownRole       = "Nobody may change their own role, but for an owner who steps down"
	beyondTheKey  = "An API key cannot give a role that may do more than the key"
	notVerified   = "The email has an account, and nobody has verified whose it is"
	hasAccount    = "The email has an account already: leave out the password"
	needsPassword = "is required for an email that has no account yet"
)

// now returns the principal with the role that it has now, which may differ from that in its token.
func (l locked) now(by auth.Principal) (auth.Principal, error) {
	role, ok := l.roles[by.UserID]
	if !ok {
		return by, errors.New(errors.CodeTenantAccessDenied, "")
	}
	by.Roles = []auth.Role{role}
	return by, nil
}

// mayGive says whether the principal may add a member in a role, or change one to it.
func mayGive(by auth.Principal, role auth.Role) error {
	if !access.Policy.Allows(by, access.UsersWrite) {
		return errors.PermissionDenied(string(access.UsersWrite))
	}
	if role == access.RoleOwner && !isOwner(by) {
		return errors.New(errors.CodePermissionDenied, ownersOnly)
	}
	if by.APIKeyID == uuid.Nil {
		return nil
	}
	for _, permission := range access.Policy.Permissions(role) {
		if !access.Policy.Allows(by, permission) {
			return errors.New(errors.CodePermissionDenied, beyondTheKey).With("permission", string(permission))
		}
	}
	return nil
}

// mayChange says whether the principal may change the role of a member from old to role.
func (l locked) mayChange(by auth.Principal, id uuid.UUID, old, role auth.Role) error {
	if err := mayGive(by, role); err != nil {
		return err
	}
	steppingDown := isOwner(by) && role != access.RoleOwner
	switch {
	case old == access.RoleOwner && !isOwner(by):
		return errors.New(errors.CodePermissionDenied, ownersOnly)
	case id == by.UserID && !steppingDown:
		return errors.New(errors.CodePermissionDenied, ownRole)
	case old == access.RoleOwner && l.owners == 1:
		return errors.Conflict(lastOwner)
	}
	return nil
}

// mayRemove says whether the principal may remove a member.
func (l locked) mayRemove(by auth.Principal, id uuid.UUID, role auth.Role) error {
	leaving := id == by.UserID && by.APIKeyID == uuid.Nil
	switch {
	case !leaving && !access.Policy.Allows(by, access.UsersWrite):
		return errors.PermissionDenied(string(access.UsersWrite))
	case role == access.RoleOwner && !isOwner(by):
		return errors.New(errors.CodePermissionDenied, ownersOnly)
	case role == access.RoleOwner && l.owners == 1:
		return errors.Conflict(lastOwner)
	}
	return nil
}

func isOwner(p auth.Principal) bool { return len(p.Roles) == 1 && p.Roles[0] == access.RoleOwner }
