// Package identity registers tenants with their owner, logs users in, changes passwords and
// describes the signed-in user. Accounts are stored by package account, memberships by package
// members, sessions by package session.
//
// Failed logins are counted per account and per address in the database, so that locks hold on
// every replica and across restarts; see [Limits].
package identity

import (
	"strings"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const (
	maxTenantName    = 100  // characters
	maxPasswordBytes = 4096 // more than the longest valid password has in any Unicode normalization form
)

// User is a member of a tenant in the form that clients receive.
type User struct {
	ID          uuid.UUID `json:"id" db:"id"`
	Email       string    `json:"email" db:"email"`
	DisplayName string    `json:"display_name" db:"display_name"`
	TenantID    uuid.UUID `json:"tenant_id" db:"tenant_id"`
	TenantName  string    `json:"tenant_name" db:"tenant_name"`
	Role        auth.Role `json:"role" db:"role"`
}

// RegisterRequest is the body of POST /v1/auth/register.
type RegisterRequest struct {
	TenantName  string         `json:"tenant_name"`
	Email       string         `json:"email"`
	Password    logging.Secret `json:"password"`
	DisplayName string         `json:"display_name"`
}

func (r *RegisterRequest) validate() error {
	r.TenantName = strings.TrimSpace(r.TenantName)
	var check request.Check
	check.Text("tenant_name", r.TenantName, 1, maxTenantName)
	account.CheckProfile(&check, &r.Email, &r.DisplayName)
	check.Include("password", auth.CheckPassword(r.Password.Reveal(), r.Email))
	return check.Err()
}

// LoginRequest is the body of POST /v1/auth/login. TenantID selects a tenant of the user; the
// default is the one joined first.
type LoginRequest struct {
	Email    string         `json:"email"`
	Password logging.Secret `json:"password"`
	TenantID uuid.UUID      `json:"tenant_id"`
}

func (r *LoginRequest) validate() error {
	r.Email = account.NormalEmail(r.Email)
	var check request.Check
	check.Email("email", r.Email)
	checkCurrent(&check, "password", r.Password)
	return check.Err()
}

// PasswordRequest is the body of POST /v1/me/password.
type PasswordRequest struct {
	Current logging.Secret `json:"current_password"`
	New     logging.Secret `json:"new_password"`
}

func (r *PasswordRequest) validate(email string) error {
	var check request.Check
	checkCurrent(&check, "current_password", r.Current)
	check.Include("new_password", auth.CheckPassword(r.New.Reveal(), email))
	if r.New == r.Current {
		check.Add("new_password", "different", "must differ from the current one")
	}
	return check.Err()
}

// checkCurrent checks a password that will be compared with the current one.
func checkCurrent(check *request.Check, field string, password logging.Secret) {
	switch n := len(password.Reveal()); {
	case n == 0:
		check.Add(field, "required", "is required")
	case n > maxPasswordBytes:
		check.Add(field, "max_length", "is longer than the longest valid password")
	}
}
