package members

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const maxDisplayName = 100 // characters

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
	a.Email, a.DisplayName = normalEmail(a.Email), strings.TrimSpace(a.DisplayName)
	if a.DisplayName == "" {
		local, _, _ := strings.Cut(a.Email, "@")
		a.DisplayName = string([]rune(local)[:min(maxDisplayName, utf8.RuneCountInString(local))])
	}
	var check request.Check
	check.Email("email", a.Email)
	checkRole(&check, a.Role)
	check.Text("display_name", a.DisplayName, 0, maxDisplayName)
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

// normalEmail is how an email is stored and looked up. Case never tells two mailboxes apart in practice.
func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
