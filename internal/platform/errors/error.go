package errors

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Error is an error that may reach a client. Code, Message, Details and RetryAfter are for the
// client and hold no secret; the cause is for logs only. Make one with a constructor such as [New].
//
// An Error must not be changed after it has been returned, so it is safe to read from several
// goroutines. A nil *Error in an error value reads as an internal error and does not panic.
type Error struct {
	Code       Code
	Message    string         // for people; [Code.Message] if empty
	Details    map[string]any // what a client can act on, or nil
	RetryAfter time.Duration  // sent as Retry-After, rounded up to seconds; zero for none

	cause    error
	pcs      []uintptr // program counters of the call of the constructor, or of the whole stack
	hasStack bool      // pcs is a whole stack
}

// New returns an error with a code and a message for the client; an empty message means that of the
// code. The error keeps the place of the call, and for statuses from 500 the whole stack.
func New(code Code, message string) *Error { return build(code, message, nil) }

// Wrap is [New] with a cause, which [Error.Unwrap] returns and no client sees. If the cause has a
// stack, the error takes none of its own: the innermost stack says where it went wrong.
func Wrap(cause error, code Code, message string) *Error { return build(code, message, cause) }

// With returns a copy of e with one more detail.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = make(map[string]any, len(e.Details)+1)
	maps.Copy(c.Details, e.Details)
	c.Details[key] = value
	return &c
}

// Error returns the message and, after a colon, the text of the cause. It is for logs only.
func (e *Error) Error() string {
	if e == nil || e.cause == nil {
		return e.ClientMessage()
	}
	return e.ClientMessage() + ": " + e.cause.Error()
}

// ClientMessage returns the message of the error, else that of its code. It is never empty.
func (e *Error) ClientMessage() string {
	if e == nil {
		return CodeInternal.Message
	}
	return cmp.Or(e.Message, e.Code.Message, CodeInternal.Message)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// Status returns the HTTP status of the code, or 500 if that is not the status of an error.
func (e *Error) Status() int {
	if e == nil {
		return CodeInternal.Status
	}
	return e.Code.errorStatus()
}

// Is makes [Is] match a [Code] of any error in the tree: errors.Is(err, errors.CodeConflict).
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && e.Code == code
}

// HasCode reports whether the first [Error] in err's tree, which a client sees, has this code.
func HasCode(err error, code Code) bool {
	e, ok := AsType[*Error](err)
	return ok && e != nil && e.Code == code
}

// FieldError names a field of a request and the rule that it breaks, and never holds its value.
type FieldError struct {
	Field   string `json:"field"`   // as the client wrote it: a JSON path, a query parameter, a header
	Rule    string `json:"rule"`    // for machines: required, max_length, unknown, type, format…
	Message string `json:"message"` // for people
}

// Validation returns a VALIDATION_ERROR with the fields in details.fields.
func Validation(fields ...FieldError) *Error {
	e := build(CodeValidation, "", nil)
	if len(fields) > 0 {
		e.Details = map[string]any{"fields": slices.Clone(fields)}
	}
	return e
}

// Invalid returns a VALIDATION_ERROR about one field.
func Invalid(field, rule, message string) *Error {
	return Validation(FieldError{Field: field, Rule: rule, Message: message})
}

// NotFound returns a RESOURCE_NOT_FOUND with the kind of resource and its id.
func NotFound(resourceType string, id any) *Error {
	e := build(CodeNotFound, "There is no such "+resourceType, nil)
	e.Details = map[string]any{"resource_type": resourceType, "resource_id": fmt.Sprint(id)}
	return e
}

// NotFoundOr returns [NotFound] if err is [sql.ErrNoRows], else err.
func NotFoundOr(err error, resourceType string, id any) error {
	if Is(err, sql.ErrNoRows) {
		return NotFound(resourceType, id)
	}
	return err
}

// Conflict returns a RESOURCE_CONFLICT with a message that names the conflict.
func Conflict(message string) *Error { return build(CodeConflict, message, nil) }

// PermissionDenied returns a PERMISSION_DENIED with the missing permission.
func PermissionDenied(permission string) *Error {
	e := build(CodePermissionDenied, "", nil)
	e.Details = map[string]any{"permission": permission}
	return e
}

// Unavailable returns a SERVICE_UNAVAILABLE that asks the client to retry after d.
func Unavailable(cause error, message string, d time.Duration) *Error {
	e := build(CodeServiceUnavailable, message, cause)
	e.RetryAfter = d
	return e
}

// Overloaded returns a SERVICE_UNAVAILABLE for load that a limit of this service sheds. It has
// neither stack nor caller: the cause names the limit, and an overload must not fill the log.
func Overloaded(cause error, d time.Duration) *Error {
	return &Error{Code: CodeServiceUnavailable, RetryAfter: d, cause: cause}
}

// RateLimited returns a RATE_LIMIT_EXCEEDED that asks the client to retry after d.
func RateLimited(d time.Duration) *Error {
	e := build(CodeRateLimitExceeded, "", nil)
	e.RetryAfter = d
	return e
}

// Internal returns an INTERNAL_ERROR. Only logs show the cause and what was tried.
func Internal(cause error, tried string) *Error {
	return build(CodeInternal, "", fmt.Errorf("%s: %w", tried, cause))
}

// Recovered returns the INTERNAL_ERROR for a value that recover returned. Call it in the deferred
// function itself, so that the stack includes the place of the panic.
func Recovered(value any) *Error {
	cause, ok := value.(error)
	if !ok {
		cause = fmt.Errorf("%v", value)
	}
	return build(CodeInternal, "", fmt.Errorf("panic: %w", cause))
}

// From returns the [Error] for err, or nil for nil: the first one in its tree, else one for the
// [Code] or the error of the standard library in its tree, else an INTERNAL_ERROR.
func From(err error) (e *Error) {
	if err == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil { // a method of err, which may hold a nil pointer
			e = build(CodeInternal, "", fmt.Errorf("a method of %T panicked: %v", err, r))
		}
	}()
	if e, ok := AsType[*Error](err); ok && e != nil {
		return e.causedBy(err)
	}
	if code, ok := AsType[Code](err); ok {
		return adopt(err, code)
	}
	if tooLarge, ok := AsType[*http.MaxBytesError](err); ok {
		field := FieldError{"body", "max_size", fmt.Sprintf("must have at most %d bytes", tooLarge.Limit)}
		return adopt(err, CodePayloadTooLarge).With("limit_bytes", tooLarge.Limit).With("fields", []FieldError{field})
	}
	switch {
	case Is(err, context.Canceled):
		return adopt(err, CodeClientClosedRequest)
	case Is(err, context.DeadlineExceeded):
		return adopt(err, CodeGatewayTimeout)
	}
	return adopt(err, CodeInternal)
}

// causedBy returns e if err is e, else a copy caused by err, so that logs show the wrappers of e.
func (e *Error) causedBy(err error) *Error {
	if err == error(e) { //nolint:errorlint // asks whether anything wraps e
		return e
	}
	c := *e
	c.cause = err
	return &c
}
