package errors

import (
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// FieldError says which field of a request broke which rule. It never holds the refused value.
type FieldError struct {
	Field   string `json:"field"`   // the name as the client wrote it: a JSON path, a query parameter, a header
	Rule    string `json:"rule"`    // for machines: required, max_length, unknown, type, format…
	Message string `json:"message"` // for people
}

// Validation returns a VALIDATION_ERROR whose details.fields lists what is wrong.
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

// NotFound returns a RESOURCE_NOT_FOUND that names the kind of resource and its id.
func NotFound(resourceType string, id any) *Error {
	e := build(CodeNotFound, "There is no such "+resourceType, nil)
	e.Details = map[string]any{"resource_type": resourceType, "resource_id": fmt.Sprint(id)}
	return e
}

// NotFoundOr returns [NotFound] where err says that a query found no row ([sql.ErrNoRows]), else err, nil for nil.
func NotFoundOr(err error, resourceType string, id any) error {
	if Is(err, sql.ErrNoRows) {
		return NotFound(resourceType, id)
	}
	return err
}

// Conflict returns a RESOURCE_CONFLICT that says what is in the way.
func Conflict(message string) *Error { return build(CodeConflict, message, nil) }

// PermissionDenied returns a PERMISSION_DENIED that names the permission that is missing.
func PermissionDenied(permission string) *Error {
	e := build(CodePermissionDenied, "", nil)
	e.Details = map[string]any{"permission": permission}
	return e
}

// Unavailable returns a SERVICE_UNAVAILABLE that asks the client to come back after d.
func Unavailable(cause error, message string, d time.Duration) *Error {
	e := build(CodeServiceUnavailable, message, cause)
	e.RetryAfter = d
	return e
}

// RateLimited returns a RATE_LIMIT_EXCEEDED that asks the client to come back after d.
func RateLimited(d time.Duration) *Error {
	e := build(CodeRateLimitExceeded, "", nil)
	e.RetryAfter = d
	return e
}

// ExternalService returns an EXTERNAL_SERVICE_ERROR that names the service which failed, not how.
func ExternalService(cause error, service string) *Error {
	return upstream(CodeExternalService, cause, service)
}

// BadGateway returns a BAD_GATEWAY: what the service answered makes no sense.
func BadGateway(cause error, service string) *Error { return upstream(CodeBadGateway, cause, service) }

// GatewayTimeout returns a GATEWAY_TIMEOUT: the service did not answer in time.
func GatewayTimeout(cause error, service string) *Error {
	return upstream(CodeGatewayTimeout, cause, service)
}

func upstream(code Code, cause error, service string) *Error {
	e := build(code, "", cause)
	e.Details = map[string]any{"service": service}
	return e
}

// Internal returns an INTERNAL_ERROR. What was tried is for the log; a client reads only that something went wrong.
func Internal(cause error, tried string) *Error {
	return build(CodeInternal, "", fmt.Errorf("%s: %w", tried, cause))
}
