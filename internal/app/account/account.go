// Package account is the people who use the service. An account is known by its email, in all tenants; what ties it to one is a
// membership, which is the business of package members.
//
// # Whose email it is
//
// Nobody has shown that an email is theirs by typing it: whoever registers, or adds a member, can take somebody else's, with a
// password of their own. So an account counts as its email's only where it was made, and elsewhere once it is verified, by
// [Store.Verify]. A tenant that adds a known email otherwise would let in whoever came first. The service has no mail of its
// own: verify accounts in the flow that you add for it, or by hand with `api user verify`.
package account

import (
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// MaxDisplayName is how many characters a display name has at most.
const MaxDisplayName = 100

// Account is a person who can log in.
type Account struct {
	ID           uuid.UUID     `db:"id"`
	Email        string        `db:"email"` // as [NormalEmail] makes it
	DisplayName  string        `db:"display_name"`
	PasswordHash string        `db:"password_hash"` // in PHC form
	CreatedIn    uuid.NullUUID `db:"created_in"`    // the tenant that it was made in
	Verified     bool          `db:"verified"`      // the email is known to be that of who logs in
}

// TrustedIn reports whether a tenant may take the account for that of the email's owner.
func (a Account) TrustedIn(tenant uuid.UUID) bool {
	return a.Verified || a.CreatedIn.Valid && a.CreatedIn.UUID == tenant
}

// NormalEmail is how an email is stored and looked up: without blanks around it, in lower case, which never tells two mailboxes
// apart in practice, and in one of the forms that Unicode has for the same letters (NFC).
func NormalEmail(email string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(email))))
}

// DefaultName is the display name of who has given none: what stands before the @.
func DefaultName(email string) string {
	local, _, _ := strings.Cut(email, "@")
	return string([]rune(local)[:min(MaxDisplayName, utf8.RuneCountInString(local))])
}
