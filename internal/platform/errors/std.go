package errors

import stderrors "errors"

// ErrUnsupported is the standard library's [stderrors.ErrUnsupported].
var ErrUnsupported = stderrors.ErrUnsupported

// Is reports whether any error in err's tree matches target, as the standard library does.
func Is(err, target error) bool { return stderrors.Is(err, target) }

// As finds the first error in err's tree that matches target and sets target to it, as the standard library does.
func As(err error, target any) bool { return stderrors.As(err, target) }

// AsType finds the first error in err's tree of type E. It needs no allocation, which [As] does.
func AsType[E error](err error) (E, bool) { return stderrors.AsType[E](err) }

// Join wraps the errors that are not nil into one, or returns nil when there is none.
func Join(errs ...error) error { return stderrors.Join(errs...) }

// Unwrap returns the error that err wraps with a method Unwrap() error, or nil.
func Unwrap(err error) error { return stderrors.Unwrap(err) }

// Sentinel returns a plain error that is equal only to itself, for package-level values to compare with [Is]. What may
// reach a client is an [Error] instead.
func Sentinel(text string) error { return stderrors.New(text) }
