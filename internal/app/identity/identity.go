// Package identity is how people come in: it registers a tenant with its owner, logs in, changes passwords, and tells who one is.
// The accounts are those of package account; what a login opens is a matter of package session.
//
// Failed logins are counted by account and by address in the database, so that a restart or another replica forgets nothing.
// An attempt takes up one of the failures that are left before the password is looked at, and gives it back when it was right, so
// that guesses in parallel are no more than those one after the other. More logins of one account at the same moment than may
// fail wait for each other.
package identity

import (
	"strings"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const maxTenantName = 100 // characters

// User is a member of a tenant as clients see it.
type User struct {
	ID          uuid.UUID `json:"id" db:"id"`
	Email       string    `json:"email" db:"email"`
	DisplayName string    `json:"display_name" db:"display_name"`
	TenantID    uuid.UUID `json:"tenant_id" db:"tenant_id"`
	TenantName  string    `json:"tenant_name" db:"tenant_name"`
	Role        auth.Role `json:"role" db:"role"`
}

// Registration makes a tenant and its owner.
type Registration struct {
	TenantName  string         `json:"tenant_name"`
	Email       string         `json:"email"`
	Password    logging.Secret `json:"password"`
	DisplayName string         `json:"display_name"`
}

// Credentials log in. A user who is a member of several tenants may name one; else it is the one joined first.
type Credentials struct {
	Email    string         `json:"email"`
	Password logging.Secret `json:"password"`
	TenantID uuid.UUID      `json:"tenant_id"`
}

func (r *Registration) validate() error {
	r.TenantName, r.DisplayName, r.Email = strings.TrimSpace(r.TenantName), strings.TrimSpace(r.DisplayName), account.NormalEmail(r.Email)
	if r.DisplayName == "" {
		r.DisplayName = account.DefaultName(r.Email)
	}
	var check request.Check
	check.Text("tenant_name", r.TenantName, 1, maxTenantName)
	check.Email("email", r.Email)
	check.Text("display_name", r.DisplayName, 0, account.MaxDisplayName)
	check.Include(auth.CheckPassword(r.Password.Reveal(), r.Email))
	return check.Err()
}

// maxPasswordBytes is more than the longest password has in any form of Unicode: what is longer is not worth a look.
const maxPasswordBytes = 4096

func (c *Credentials) validate() error {
	c.Email = account.NormalEmail(c.Email)
	var check request.Check
	check.Email("email", c.Email)
	checkGiven(&check, "password", c.Password)
	return check.Err()
}

// checkGiven asks for a password that is to be compared with the one that there is.
func checkGiven(check *request.Check, field string, password logging.Secret) {
	switch n := len(password.Reveal()); {
	case n == 0:
		check.Add(field, "required", "is required")
	case n > maxPasswordBytes:
		check.Add(field, "max_length", "is longer than any password can be")
	}
}
