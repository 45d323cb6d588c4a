package members

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Member is a member of a tenant as clients see it.
type Member struct {
	ID          uuid.UUID `json:"id" db:"id"` // of the user
	Email       string    `json:"email" db:"email"`
	DisplayName string    `json:"display_name" db:"display_name"`
	Role        auth.Role `json:"role" db:"role"`
	CreatedAt   time.Time `json:"created_at" db:"created_at"` // when the user became a member
}

// Addition is what a client says of a new member. DisplayName and Password are those of a new account; an account that is
// there keeps its name, and refuses a password.
type Addition struct {
	Email       string         `json:"email"`
	Role        auth.Role      `json:"role"`
	DisplayName string         `json:"display_name"`
	Password    logging.Secret `json:"password"`
}

// Change is what a client wants changed of a member.
type Change struct {
	Role auth.Role `json:"role"`
}

func (a *Addition) validate() error {
	a.Email, a.DisplayName = account.NormalEmail(a.Email), strings.TrimSpace(a.DisplayName)
	if a.DisplayName == "" {
		a.DisplayName = account.DefaultName(a.Email)
	}
	var check request.Check
	check.Email("email", a.Email)
	checkRole(&check, a.Role)
	check.Text("display_name", a.DisplayName, 0, account.MaxDisplayName)
	if !a.Password.IsZero() {
		check.Include(auth.CheckPassword(a.Password.Reveal(), a.Email))
	}
	return check.Err()
}

func (c *Change) validate() error {
	var check request.Check
	checkRole(&check, c.Role)
	return check.Err()
}

func checkRole(check *request.Check, role auth.Role) {
	if access.Policy.Valid(role) {
		return
	}
	names := make([]string, 0, 4)
	for _, role := range access.Policy.Roles() {
		names = append(names, string(role))
	}
	check.Add("role", "one_of", "must be one of "+strings.Join(names, ", "))
}
