package errors

import (
	"maps"
	"time"
)

// Error is an error that may reach a client. Code, Message, Details and RetryAfter are for the client and hold nothing
// secret; the cause is for the log only. Make one with [New], [Wrap] or a constructor of this package.
//
// An Error is immutable once it has been returned; reading it from several goroutines is safe. A nil *Error that ended up
// in an error value reads as an internal error instead of a panic.
type Error struct {
	Code       Code
	Message    string         // for people; [Code.Message] when empty
	Details    map[string]any // what a client can act on; nil for nothing
	RetryAfter time.Duration  // sent as Retry-After, rounded up to seconds; zero for none

	cause error
	birth []uintptr // where it was born: see Caller
	deep  bool      // birth is a whole stack
}

// New returns an error with a code and a message for the client. An empty message means the code's own. It remembers where
// it was called, and for statuses from 500 the whole stack.
func New(code Code, message string) *Error { return build(code, message, nil) }

// Wrap is [New] with a cause, which [Error.Unwrap] returns and no client ever sees. The trace of an error that has one
// already is kept: the innermost is the one that says where it went wrong.
func Wrap(cause error, code Code, message string) *Error { return build(code, message, cause) }

// With returns a copy that has one more detail.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = make(map[string]any, 1)
	}
	c.Details[key] = value
	return &c
}

// After returns a copy that asks the client to come back no sooner than d.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Error returns the message and, after a colon, the text of the cause. It is for logs, never for a client.
func (e *Error) Error() string {
	if e == nil || e.cause == nil {
		return e.message()
	}
	return e.message() + ": " + e.cause.Error()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// Status returns the HTTP status of the code, 500 for one that is not the status of an error.
func (e *Error) Status() int {
	if e == nil {
		return CodeInternal.Status
	}
	return e.Code.status()
}

func (e *Error) message() string {
	switch {
	case e == nil:
		return CodeInternal.Message
	case e.Message != "":
		return e.Message
	case e.Code.Message != "":
		return e.Code.Message
	}
	return CodeInternal.Message
}

// Is makes [Is] match a [Code]: errors.Is(err, errors.CodeConflict) is true where any error in err's tree has that code.
// Two errors are the same only if they are one.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && e.Code == code
}

// HasCode reports whether the first [Error] in err's tree, the one that a client sees, has this code.
func HasCode(err error, code Code) bool {
	e, ok := AsType[*Error](err)
	return ok && e != nil && e.Code == code
}
