package request

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// ETags is what an If-Match header asks for (RFC 9110, section 13.1.1): a list of strong entity tags, or any. The zero
// value matches nothing.
type ETags struct {
	any  bool
	tags []string
}

// Match reports whether the resource, whose strong ETag with its quotes is current, is one that the client asked for.
func (t ETags) Match(current string) bool { return t.any || slices.Contains(t.tags, current) }

// Any reports whether the client sent *, which every resource that exists matches.
func (t ETags) Any() bool { return t.any }

// IfMatch returns the If-Match header of a request that has to be conditional. Without one the error is
// [errors.CodePreconditionRequired]; a malformed one, and a weak tag, which can never match, is a validation error.
func IfMatch(c echo.Context) (ETags, error) {
	header := c.Request().Header.Values("If-Match")
	if len(header) == 0 {
		return ETags{}, errors.New(errors.CodePreconditionRequired, "The request needs an If-Match header with the ETag of the resource")
	}
	tags, ok := ParseETags(strings.Join(header, ","))
	if !ok {
		return ETags{}, errors.Invalid("If-Match", "etag", `must be * or a list of strong entity tags such as "7"`)
	}
	return tags, nil
}

// ParseETags reads the value of an If-Match header. It is not ok where it is malformed, empty, or has a weak tag.
func ParseETags(header string) (tags ETags, ok bool) {
	rest := strings.Trim(header, " \t")
	if rest == "*" {
		return ETags{any: true}, true
	}
	for {
		rest = strings.TrimLeft(rest, " \t,") // empty elements of a list are allowed, RFC 9110, section 5.6.1
		if rest == "" {
			return tags, len(tags.tags) > 0
		}
		length := tagLength(rest)
		if length == 0 {
			return ETags{}, false
		}
		tags.tags = append(tags.tags, rest[:length])
		rest = strings.TrimLeft(rest[length:], " \t")
		if rest != "" && rest[0] != ',' {
			return ETags{}, false
		}
	}
}

// tagLength returns the length of the opaque-tag that s begins with, quotes included, or 0.
func tagLength(s string) int {
	if s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"':
			return i + 1
		case b < 0x21 || b == 0x7f:
			return 0
		}
	}
	return 0
}
