// Package members manages the members of a tenant and their roles. A member is an account, which
// its email identifies across tenants, with a role in the tenant. The package owns the table
// members: other packages write it through [Store].
//
// # Rules
//
// Changes require the permission users:write, checked against the role that the principal has in
// the database now. In addition:
//
//   - A tenant always keeps at least one owner, also under concurrent requests.
//   - Only an owner may make, change or remove an owner.
//   - Nobody may change their own role, except an owner who steps down while there is another
//     owner. Everybody may leave.
//   - An API key cannot assign a role that has permissions the key lacks.
//
// Changes of one tenant's members are serialized by a row lock on the tenant. So when two changes
// are allowed each but not together, the second one sees the first and is rejected.
//
// # Accounts
//
// Adding an email without an account creates the account with the given password, which the member
// can change. An existing account is added only if this tenant created it or its email is verified
// (see package account), because otherwise its user need not be the owner of the email. A password
// for an existing account is rejected, since it would be ignored. Therefore users who may add
// members can find out whether an email has an account. Removing the last membership keeps the
// account.
package members

import (
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Member is a member of a tenant in the form that clients receive.
type Member struct {
	ID          uuid.UUID `json:"id" db:"id"` // of the user
	Email       string    `json:"email" db:"email"`
	DisplayName string    `json:"display_name" db:"display_name"`
	Role        auth.Role `json:"role" db:"role"`
	CreatedAt   time.Time `json:"created_at" db:"created_at"` // when the user became a member
}

// CreateRequest is the body of POST /v1/users. DisplayName and Password are for a new account: an
// existing one keeps its name and rejects a password.
type CreateRequest struct {
	Email       string         `json:"email"`
	Role        auth.Role      `json:"role"`
	DisplayName string         `json:"display_name"`
	Password    logging.Secret `json:"password"`
}

func (r *CreateRequest) validate() error {
	var check request.Check
	account.CheckProfile(&check, &r.Email, &r.DisplayName)
	checkRole(&check, r.Role)
	if !r.Password.IsZero() {
		check.Include("password", auth.CheckPassword(r.Password.Reveal(), r.Email))
	}
	return check.Err()
}

// UpdateRequest is the body of PATCH /v1/users/{id}.
type UpdateRequest struct {
	Role auth.Role `json:"role"`
}

func (r *UpdateRequest) validate() error {
	var check request.Check
	checkRole(&check, r.Role)
	return check.Err()
}

func checkRole(check *request.Check, role auth.Role) {
	request.OneOf(check, "role", role, access.Policy.Roles()...)
}

// current holds the roles that a change of a member depends on, as they are now. "" means not a
// member.
type current struct {
	Principal auth.Role `db:"principal"` // who makes the change
	Member    auth.Role `db:"member"`    // who is changed
	Owners    int       `db:"owners"`    // number of owners of the tenant
	Members   int       `db:"members"`   // number of all members
}

// mayAssign returns an error unless by may give a member the role.
func mayAssign(by auth.Principal, role auth.Role) error {
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
			return errors.New(errors.CodePermissionDenied, "An API key cannot assign a role that has permissions the key lacks").
				With("permission", string(permission))
		}
	}
	return nil
}

// mayUpdate returns an error unless by may give the role to the member id.
func (c current) mayUpdate(by auth.Principal, id uuid.UUID, role auth.Role) error {
	if err := mayAssign(by, role); err != nil {
		return err
	}
	steppingDown := isOwner(by) && role != access.RoleOwner
	if id == by.UserID && !steppingDown {
		return errors.New(errors.CodePermissionDenied, "You cannot change your own role, except to step down as an owner")
	}
	return c.checkOwner(by)
}

// mayDelete returns an error unless by may remove the member id.
func (c current) mayDelete(by auth.Principal, id uuid.UUID) error {
	leaving := id == by.UserID && by.APIKeyID == uuid.Nil
	if !leaving && !access.Policy.Allows(by, access.UsersWrite) {
		return errors.PermissionDenied(string(access.UsersWrite))
	}
	return c.checkOwner(by)
}

// checkOwner returns an error if the member is an owner whom by may not change, or the last one.
func (c current) checkOwner(by auth.Principal) error {
	switch {
	case c.Member != access.RoleOwner:
		return nil
	case !isOwner(by):
		return errors.New(errors.CodePermissionDenied, ownersOnly)
	case c.Owners == 1:
		return errLastOwner()
	}
	return nil
}

func errLastOwner() error {
	return errors.Conflict("A tenant must keep at least one owner: make another member an owner first")
}

const ownersOnly = "Only an owner may make, change or remove an owner"

func isOwner(p auth.Principal) bool { return len(p.Roles) == 1 && p.Roles[0] == access.RoleOwner }
