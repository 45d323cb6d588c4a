package request

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// ETags are the entity tags of a conditional request (RFC 9110, section 13.1), with their quotes.
// "*" matches every resource that exists. The zero value matches nothing.
type ETags []string

// ETag returns the strong entity tag of a version of a resource, with its quotes.
func ETag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// Check returns a PRECONDITION_FAILED unless the [ETag] of the current version is among the tags.
// Lock the resource before, so that the version stays the current one.
func (t ETags) Check(version int64) error {
	if !t.Match(ETag(version)) {
		return errors.New(errors.CodePreconditionFailed, "")
	}
	return nil
}

// Match reports whether the strong entity tag current is among the tags.
func (t ETags) Match(current string) bool {
	return slices.Contains(t, current) || slices.Contains(t, "*")
}

// IfMatch returns the tags of If-Match. Without the header the error is a PRECONDITION_REQUIRED. A
// malformed header is a validation error. Weak tags never match (RFC 9110, section 13.1.1).
func IfMatch(c echo.Context) (ETags, error) {
	headers := c.Request().Header.Values("If-Match")
	if len(headers) == 0 {
		return nil, errors.New(errors.CodePreconditionRequired, "If-Match with the ETag of the resource is required")
	}
	tags, ok := parseETags(headers)
	if !ok {
		return nil, errors.Invalid("If-Match", "etag", `must be * or a list of entity tags such as "7"`)
	}
	return tags, nil
}

// OptionalIfMatch is like [IfMatch], and without the header the tags match every version.
func OptionalIfMatch(c echo.Context) (ETags, error) {
	if len(c.Request().Header.Values("If-Match")) == 0 {
		return ETags{"*"}, nil
	}
	return IfMatch(c)
}

// NotModified reports whether r is a GET or HEAD whose If-None-Match has the tag current, by the
// weak comparison of RFC 9110, section 8.8.3.2. A malformed header matches nothing.
func NotModified(r *http.Request, current string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	tags, ok := parseETags(r.Header.Values("If-None-Match"))
	for i := range tags {
		tags[i] = strings.TrimPrefix(tags[i], "W/")
	}
	return ok && tags.Match(strings.TrimPrefix(current, "W/"))
}

const entityTag = `(?:W/)?"[^\x00-\x20\x7F"]*"`

var (
	oneETag  = regexp.MustCompile(entityTag)
	etagList = regexp.MustCompile(`^[ \t,]*` + entityTag + `(?:[ \t]*,[ \t,]*` + entityTag + `)*[ \t,]*$`)
)

// parseETags reads "*" or a list of entity tags, which may be spread over several headers and have
// empty elements (RFC 9110, section 5.6.1). It is not ok if the list is empty or malformed.
func parseETags(headers []string) (tags ETags, ok bool) {
	list := strings.Join(headers, ",")
	if strings.Trim(list, " \t") == "*" {
		return ETags{"*"}, true
	}
	if !etagList.MatchString(list) {
		return nil, false
	}
	return oneETag.FindAllString(list, -1), true
}
