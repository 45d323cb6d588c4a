package errors

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// A Mapper knows the errors of some library, such as a database driver, and returns what a client is to see for one, with as
// much of it as a log may hold for its cause, and nil for any other. It keeps this package free of that library. One that
// panics is taken to know nothing.
type Mapper func(err error) *Error

// From returns the [Error] that a client is to see for err: the first one in its tree, else what the first mapper that knows
// it makes of it, else one made from what the standard library and Echo return. Anything unforeseen is an INTERNAL_ERROR
// that shows nothing of its text. From(nil) is nil.
func From(err error, mappers ...Mapper) (e *Error) {
	if err == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil { // a method of err, which may be a nil pointer inside
			e = build(CodeInternal, "", fmt.Errorf("an error of type %T that panics when it is asked: %v", err, r))
		}
	}()
	if e, ok := AsType[*Error](err); ok && e != nil {
		return e.carrying(err)
	}
	for _, known := range mappers {
		if e := known.try(err); e != nil {
			return e
		}
	}
	if code, ok := AsType[Code](err); ok {
		return adopt(err, code)
	}
	// Before echo.HTTPError: Echo's binder wraps a body that is too large into a 400.
	if tooLarge, ok := AsType[*http.MaxBytesError](err); ok {
		return adopt(err, CodePayloadTooLarge).With("limit_bytes", tooLarge.Limit)
	}
	if e := fromEcho(err); e != nil {
		return e
	}
	switch {
	case Is(err, context.Canceled):
		return adopt(err, CodeClientClosedRequest)
	case Is(err, context.DeadlineExceeded):
		return adopt(err, CodeGatewayTimeout)
	}
	return adopt(err, CodeInternal)
}

func (m Mapper) try(err error) (e *Error) {
	defer func() {
		if recover() != nil {
			e = nil
		}
	}()
	return m(err)
}

// carrying returns e itself where it is all there is to err, else a copy whose cause is the whole of err, so that the log
// keeps what the wrappers said was tried.
func (e *Error) carrying(err error) *Error {
	if err == error(e) { //nolint:errorlint // the question is whether anything wraps e
		return e
	}
	c := *e
	c.cause = err
	if o := e.origin(false); o != nil {
		c.birth, c.deep = o.birth, o.deep
	}
	return &c
}

// Recovered returns the INTERNAL_ERROR for a value that recover returned. Call it in the deferred function itself, so
// that the trace holds the place of the panic.
func Recovered(value any) *Error {
	cause, ok := value.(error)
	if !ok {
		cause = fmt.Errorf("%v", value)
	}
	return build(CodeInternal, "", fmt.Errorf("panic: %w", cause))
}

var codeByStatus = map[int]Code{}

func init() {
	for _, c := range []Code{
		CodeValidation, CodeAuthRequired, CodeAuthorization, CodeNotFound, CodeMethodNotAllowed, CodeRequestTimeout,
		CodeConflict, CodePreconditionFailed, CodePreconditionRequired, CodePayloadTooLarge, CodeUnsupportedMediaType,
		CodeRateLimitExceeded, CodeClientClosedRequest, CodeInternal, CodeBadGateway, CodeServiceUnavailable, CodeGatewayTimeout,
	} {
		codeByStatus[c.Status] = c
	}
}

// codeOf returns the code for an HTTP status. One that has none gets the name of its status, as in NOT_ACCEPTABLE.
func codeOf(status int) Code {
	if c, ok := codeByStatus[status]; ok {
		return c
	}
	text := http.StatusText(status)
	if text == "" || status < http.StatusBadRequest {
		return CodeInternal
	}
	return Code{Name: strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(text)), Status: status, Message: text}
}
