package request

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const mustBeUUID = "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"

// UUID returns the path parameter name in the form of 36 characters, in either case (RFC 9562, section
// 4). Echo's last parameter includes the rest of the path; such a path has no resource.
func UUID(c echo.Context, name string) (uuid.UUID, error) {
	text := c.Param(name)
	if strings.Contains(text, "/") {
		return uuid.Nil, errors.New(errors.CodeNotFound, "")
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 { // uuid.Parse also accepts braces, a URN and no hyphens
		return uuid.Nil, errors.Invalid(name, "uuid", mustBeUUID)
	}
	return id, nil
}

// Int returns the query parameter name, a number in low..high, or absent if it is missing.
func Int(c echo.Context, name string, absent, low, high int) (int, error) {
	text, ok, err := single(c, name)
	if err != nil || !ok {
		return absent, err
	}
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.Invalid(name, "type", "must be a whole number")
	}
	if err != nil || n < low || n > high {
		return 0, errors.Invalid(name, "range", fmt.Sprintf("must be in %d..%d", low, high))
	}
	return n, nil
}

// Text returns the query parameter name, a [Check.Text] of at most maxLen, or "" if it is missing.
func Text(c echo.Context, name string, maxLen int) (string, error) {
	text, _, err := single(c, name)
	if err != nil {
		return "", err
	}
	var check Check
	check.Text(name, text, 0, maxLen)
	return text, check.Err()
}

// Enum returns the query parameter name, one of the allowed values, or "" if it is missing.
func Enum[T ~string](c echo.Context, name string, allowed ...T) (T, error) {
	text, ok, err := single(c, name)
	if err != nil || !ok {
		return "", err
	}
	var check Check
	OneOf(&check, name, T(text), allowed...)
	return T(text), check.Err()
}

// KnownQuery returns an error for a query parameter that is not among names, because the client
// would not learn that it has no effect.
func KnownQuery(c echo.Context, names ...string) error {
	query, err := parseQuery(c)
	if err != nil {
		return err
	}
	for name := range query {
		if !slices.Contains(names, name) {
			return errors.Invalid(shortName(name), "unknown", "is not a query parameter of this route")
		}
	}
	return nil
}

// parseQuery parses the query itself: Echo ignores what it cannot parse.
func parseQuery(c echo.Context) (url.Values, error) {
	if c.Request().URL.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return nil, errors.Invalid("query", "format", "must be percent-encoded pairs name=value joined by &")
	}
	return query, nil
}

// single returns a query parameter that may appear once.
func single(c echo.Context, name string) (text string, ok bool, err error) {
	query, err := parseQuery(c)
	if err != nil {
		return "", false, err
	}
	values := query[name]
	if len(values) > 1 {
		return "", false, errors.Invalid(name, "duplicate", "must appear once")
	}
	return strings.Join(values, ""), len(values) == 1, nil
}

// Check collects what is wrong with the fields of a request, so that a client gets all problems at
// once. The zero value is ready to use. A Check is not safe for concurrent use.
type Check struct{ fields []errors.FieldError }

// Add records that a field breaks a rule. The message follows the field and never holds its value.
func (v *Check) Add(field, rule, message string) {
	v.fields = append(v.fields, errors.FieldError{Field: field, Rule: rule, Message: message})
}

// Include records the problems of err, a VALIDATION_ERROR about one field, under the name that the
// field has in the request. It ignores nil and any other error.
func (v *Check) Include(field string, err error) {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		problems, _ := e.Details["fields"].([]errors.FieldError)
		for _, p := range problems {
			v.Add(field, p.Rule, p.Message)
		}
	}
}

// Text checks for low to high characters (runes) without NUL, which PostgreSQL cannot store. Blank
// text is missing unless low is 0. The rules are required, characters, min_length and max_length.
func (v *Check) Text(field, value string, low, high int) {
	length := utf8.RuneCountInString(value)
	switch {
	case low > 0 && strings.TrimSpace(value) == "":
		v.Add(field, "required", "must not be blank")
	case !utf8.ValidString(value) || strings.Contains(value, "\x00"):
		v.Add(field, "characters", "must be UTF-8 text without NUL")
	case length < low:
		v.Add(field, "min_length", fmt.Sprintf("must have at least %d characters", low))
	case length > high:
		v.Add(field, "max_length", fmt.Sprintf("must have at most %d characters", high))
	}
}

// OneOf checks for one of the allowed values. The rule is one_of.
func OneOf[T ~string](v *Check, field string, value T, allowed ...T) {
	if slices.Contains(allowed, value) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	v.Add(field, "one_of", "must be one of "+strings.Join(names, ", "))
}

// Range checks for a number in low..high.
func (v *Check) Range(field string, value, low, high int64) {
	if value < low || value > high {
		v.Add(field, "range", fmt.Sprintf("must be in %d..%d", low, high))
	}
}

// MaxMoney is the largest amount of money, in the minor unit of its currency such as cents. Amounts
// are integers, of which JSON clients represent no larger ones exactly (RFC 8259, section 6).
const MaxMoney = 1<<53 - 1

// Date is a date such as 2026-01-31 (full-date of RFC 3339), or "" if it is missing. SQL selects one
// as text.
type Date string

// UnmarshalText refuses any other text. The rule is date.
func (d *Date) UnmarshalText(text []byte) error {
	if t, err := time.Parse(time.DateOnly, string(text)); err != nil || t.Year() < 1 {
		return errors.Invalid("date", "date", "must be a date such as 2026-01-31")
	}
	*d = Date(text)
	return nil
}

// Email checks for one bare address of RFC 5322. It refuses quoted local parts and address literals,
// which parsers read differently, and invisible characters. The rules are required, max_length and email.
func (v *Check) Email(field, value string) {
	const longest = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
	switch {
	case value == "":
		v.Add(field, "required", "must not be blank")
	case len(value) > longest:
		v.Add(field, "max_length", fmt.Sprintf("must have at most %d bytes", longest))
	case !isEmail(value):
		v.Add(field, "email", "must be an email address")
	}
}

func invisible(r rune) bool { return !unicode.IsPrint(r) }

func isEmail(value string) bool {
	address, err := mail.ParseAddress(value)
	if err != nil || address.Name != "" || address.Address != value || strings.ContainsFunc(value, invisible) {
		return false
	}
	local, domain, _ := strings.Cut(value, "@")
	return len(local) <= 64 && !strings.ContainsAny(domain, "@[]")
}

// Err returns nil if nothing was recorded, else one [errors.CodeValidation] with everything.
func (v *Check) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return errors.Validation(v.fields...)
}
