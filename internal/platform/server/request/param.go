package request

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// UUID returns the path parameter name. Only the form of 36 characters is taken (RFC 9562, section 4), so that an id has
// one URL. Echo's last parameter takes the rest of the path, slashes and all: such a path has no resource.
func UUID(c echo.Context, name string) (uuid.UUID, error) {
	const canonical = 36 // uuid.Parse also takes braces, a URN and no hyphens
	text := c.Param(name)
	if strings.Contains(text, "/") {
		return uuid.Nil, errors.New(errors.CodeNotFound, "")
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != canonical {
		return uuid.Nil, errors.Invalid(name, "uuid", "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	return id, nil
}

// Int returns the query parameter name as a whole number in low..high, or absent where it is not there.
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

// Text returns the query parameter name, a text of at most maxLen characters (runes) without NUL, or "" where it is not
// there.
func Text(c echo.Context, name string, maxLen int) (string, error) {
	text, _, err := single(c, name)
	switch {
	case err != nil:
		return "", err
	case !storable(text):
		return "", errors.Invalid(name, "characters", "must be UTF-8 text without NUL")
	case utf8.RuneCountInString(text) > maxLen:
		return "", errors.Invalid(name, "max_length", fmt.Sprintf("must have at most %d characters", maxLen))
	}
	return text, nil
}

// single returns a query parameter that may be there once. Echo drops what it cannot parse, and a client whose limit was
// dropped would never know.
func single(c echo.Context, name string) (text string, ok bool, err error) {
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return "", false, errors.Invalid("query", "format", "must be pairs of name=value, percent-encoded and joined by &")
	}
	switch values := query[name]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	}
	return "", false, errors.Invalid(name, "duplicate", "must be there once")
}
