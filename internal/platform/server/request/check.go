package request

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Check collects what is wrong with the fields of a request, so that a client learns everything at once. The zero value
// is ready to use; it is not for concurrent use.
type Check struct{ fields []errors.FieldError }

// Add notes that a field breaks a rule. The message is for people, read after the field's name, and never holds the value.
func (v *Check) Add(field, rule, message string) {
	v.fields = append(v.fields, errors.FieldError{Field: field, Rule: rule, Message: message})
}

// Text asks for a text of low to high characters (runes) without NUL, which PostgreSQL cannot store. With a low of one or
// more, blank is missing. The rules are required, min_length, max_length and characters.
func (v *Check) Text(field, value string, low, high int) {
	length := utf8.RuneCountInString(value)
	switch {
	case low > 0 && strings.TrimSpace(value) == "":
		v.Add(field, "required", "must not be blank")
	case !storable(value):
		v.Add(field, "characters", "must be UTF-8 text without NUL")
	case length < low:
		v.Add(field, "min_length", fmt.Sprintf("must have at least %d characters", low))
	case length > high:
		v.Add(field, "max_length", fmt.Sprintf("must have at most %d characters", high))
	}
}

const maxEmail = 254 // RFC 5321, 4.5.3.1.3, without the angle brackets

// Email asks for one bare address as in RFC 5322, local@domain, without a display name, a comment, a quoted local part or
// an address literal: the forms that nobody has and that parsers disagree about. The rules are required, max_length and
// email.
func (v *Check) Email(field, value string) {
	switch {
	case value == "":
		v.Add(field, "required", "must not be blank")
	case len(value) > maxEmail:
		v.Add(field, "max_length", fmt.Sprintf("must have at most %d bytes", maxEmail))
	case !isEmail(value):
		v.Add(field, "email", "must be an email address")
	}
}

func isEmail(value string) bool {
	address, err := mail.ParseAddress(value)
	if err != nil || address.Name != "" || address.Address != value {
		return false
	}
	local, domain, _ := strings.Cut(value, "@")
	return len(local) <= 64 && !strings.ContainsAny(domain, "@[]")
}

// Err returns nil where nothing was added, else one [errors.CodeValidation] with everything.
func (v *Check) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return errors.Validation(slices.Clone(v.fields)...)
}

// storable reports whether PostgreSQL can hold s as text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
