package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const problemMediaType = "application/problem+json"

// Problem is the body of an error response: the members of RFC 9457 and the extensions code,
// correlation_id, timestamp and details. Type is about:blank, which makes Title the phrase of the
// status; Code is what clients switch on.
type Problem struct {
	Type          string         `json:"type"`
	Title         string         `json:"title"`
	Status        int            `json:"status"`
	Detail        string         `json:"detail"`
	Instance      string         `json:"instance,omitempty"` // path of the request, escaped
	Code          string         `json:"code"`
	CorrelationID string         `json:"correlation_id"`
	Timestamp     time.Time      `json:"timestamp"` // UTC, RFC 3339
	Details       map[string]any `json:"details,omitempty"`
}

// ErrorHandler returns the error handler for Echo. It converts err to an [errors.Error], passes
// that to report, which logs it, and writes it as a [Problem]. If the response has already begun,
// it panics with [http.ErrAbortHandler]: the connection breaks, so that the client does not take the
// part that it has for the whole. A nil report is allowed.
//
// In a response of [Events], the Problem is the last event. // part:notes part:llm
//
// It handles the first error of a request only. Some middleware calls c.Error and returns the error
// too.
//
// A cancellation is the client's ([errors.CodeClientClosedRequest]) only if the request's ctx has
// ended, without an [errors.Error] as its cause. If it has such a cause, the client receives that:
// a server that cuts requests off says why. A cancellation while the ctx is alive was made by the
// service itself, and its client still waits for a response: it receives a 500.
func ErrorHandler(report func(context.Context, *errors.Error)) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if err == nil || c.Get(handledKey) != nil {
			return
		}
		c.Set(handledKey, true)
		ctx := c.Request().Context()
		e := convert(err)
		if e.Code == errors.CodeClientClosedRequest && errors.Is(err, context.Canceled) {
			e = attributeCancellation(ctx, e)
		}
		id := errors.CorrelationID(ctx)
		if id == "" {
			id = errors.NewCorrelationID()
			ctx = errors.WithCorrelationID(ctx, id)
		}
		if report != nil {
			report(ctx, e)
		}
		if c.Response().Committed {
			// part:notes part:llm begin
			if events, ok := c.Get(eventsKey).(*Events); ok && events.fail(newProblem(c, e, id)) == nil {
				return
			}
			// part:notes part:llm end
			panic(http.ErrAbortHandler)
		}
		_ = writeProblem(c, e, id) // fails only if the client no longer reads
	}
}

// handledKey is set in the [echo.Context] of a request whose error has been handled.
const handledKey = "server.error_handled"

// convert is [errors.From] for a tree that may contain an echo.HTTPError, whose status it keeps.
func convert(err error) *errors.Error {
	e := errors.From(err)
	if e.Code != errors.CodeInternal || error(e) == err { //nolint:errorlint // asks whether From found nothing but err
		return e
	}
	cause := e.Unwrap() // err, or its replacement if a method of err panics
	h, ok := errors.AsType[*echo.HTTPError](cause)
	if _, classified := errors.AsType[*errors.Error](cause); classified || !ok {
		return e
	}
	return errors.From(fmt.Errorf("%w: %w", codeForStatus(h.Code), cause))
}

// codeForStatus returns the code for an HTTP status. A status without a code of its own gets one
// named after its phrase, such as NOT_ACCEPTABLE.
func codeForStatus(status int) errors.Code {
	for _, code := range []errors.Code{
		errors.CodeValidation, errors.CodeAuthRequired, errors.CodeAuthorization, errors.CodeNotFound,
		errors.CodeMethodNotAllowed, errors.CodeRequestTimeout, errors.CodeConflict, errors.CodePreconditionFailed,
		errors.CodePreconditionRequired, errors.CodePayloadTooLarge, errors.CodeUnsupportedMediaType,
		errors.CodeRateLimitExceeded, errors.CodeClientClosedRequest, errors.CodeInternal, errors.CodeBadGateway,
		errors.CodeServiceUnavailable, errors.CodeGatewayTimeout,
	} {
		if code.Status == status {
			return code
		}
	}
	if status < http.StatusBadRequest || status > 599 {
		return errors.CodeInternal
	}
	phrase := cmp.Or(http.StatusText(status), "Status "+strconv.Itoa(status))
	name := strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(phrase))
	return errors.Code{Name: name, Status: status, Message: phrase}
}

func attributeCancellation(ctx context.Context, e *errors.Error) *errors.Error {
	if ctx.Err() == nil {
		return errors.Internal(e, "canceled by the service itself")
	}
	if cause, ok := errors.AsType[*errors.Error](context.Cause(ctx)); ok && cause != nil {
		e = errors.Wrap(e, cause.Code, cause.Message)
		e.RetryAfter = cause.RetryAfter
	}
	return e
}

func writeProblem(c echo.Context, e *errors.Error, correlationID string) error {
	status := e.Status()
	if status == errors.StatusClientClosedRequest {
		return c.NoContent(status)
	}
	h := c.Response().Header()
	h[headerCorrelationID] = []string{correlationID}
	setProblemHeaders(h, e)
	if c.Request().Method == http.MethodHead {
		return c.NoContent(status)
	}
	body, err := newProblem(c, e, correlationID).encode()
	if err != nil {
		return err
	}
	return c.Blob(status, problemMediaType, body)
}

func newProblem(c echo.Context, e *errors.Error, correlationID string) Problem {
	return Problem{
		Type:          "about:blank",
		Title:         cmp.Or(http.StatusText(e.Status()), e.Code.Message),
		Status:        e.Status(),
		Detail:        e.ClientMessage(),
		Instance:      instance(c.Request().URL),
		Code:          cmp.Or(e.Code.Name, errors.CodeInternal.Name),
		CorrelationID: correlationID,
		Timestamp:     time.Now().UTC(),
		Details:       e.Details,
	}
}

// encode returns the problem as JSON, without its details if they cannot be encoded or panic.
func (p Problem) encode() (body []byte, err error) {
	defer func() {
		if recover() != nil || err != nil {
			p.Details = nil
			body, err = json.Marshal(p)
		}
	}()
	return json.Marshal(p)
}

// setProblemHeaders sets the headers that the status requires: Retry-After (RFC 9110) and
// WWW-Authenticate (RFC 6750). It removes the headers that the handler set for a successful
// response, and keeps errors out of caches.
func setProblemHeaders(h http.Header, e *errors.Error) {
	for _, name := range []string{"Content-Length", "Etag", "Last-Modified", "Content-Disposition"} {
		h.Del(name)
	}
	h.Set("Content-Type", problemMediaType)
	h.Set("Cache-Control", "no-store")
	switch e.Status() {
	case http.StatusUnauthorized, http.StatusForbidden:
		if c := challenge(e); c != "" {
			h.Set("WWW-Authenticate", c)
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds := max(1, int64(math.Ceil(e.RetryAfter.Seconds())))
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}

// challenge returns the WWW-Authenticate value for an error, or "". Every 401 has one, and a 403
// for a missing permission. It names an error only if a token was presented and refused, as RFC
// 6750, section 3.1 requires.
func challenge(e *errors.Error) string {
	switch e.Code {
	case errors.CodeTokenExpired, errors.CodeTokenInvalid, errors.CodeTokenRevoked:
		return `Bearer error="invalid_token", error_description="` + quotable(e.ClientMessage()) + `"`
	case errors.CodePermissionDenied:
		c := `Bearer error="insufficient_scope"`
		if scope, ok := e.Details["permission"].(string); ok && isScope(scope) {
			c += `, scope="` + scope + `"`
		}
		return c
	}
	if e.Status() == http.StatusUnauthorized {
		return "Bearer"
	}
	return ""
}

// quotable maps text to the characters of an error_description: printable ASCII without quotes and
// backslashes.
func quotable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return '?'
		}
		return r
	}, text)
}

// isScope reports whether text is a scope-token of RFC 6749, section 3.3.
func isScope(text string) bool {
	return text != "" && quotable(text) == text && !strings.Contains(text, " ")
}

var escapeBrackets = strings.NewReplacer("[", "%5B", "]", "%5D")

// instance returns the path of u as a reference of RFC 3986. A path that begins with two slashes
// would be read as a host. Brackets are valid in hosts only, but Go does not escape them in paths.
func instance(u *url.URL) string {
	path := u.EscapedPath()
	if strings.HasPrefix(path, "//") {
		path = "/." + path
	}
	return escapeBrackets.Replace(path)
}
