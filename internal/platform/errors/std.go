package errors

import stderrors "errors"

// ErrUnsupported is the standard library's [stderrors.ErrUnsupported].
var ErrUnsupported = stderrors.ErrUnsupported

// Is reports whether any error in err's tree matches target, as the standard library does.
func Is(err, target error) bool { return stderrors.Is(err, target) }

// AsType finds the first error of type E in err's tree. It replaces As, which allocates.
func AsType[E error](err error) (E, bool) { return stderrors.AsType[E](err) }

// Join wraps the errors that are not nil, or returns nil if there is none.
func Join(errs ...error) error { return stderrors.Join(errs...) }

// Sentinel returns a plain error that is equal only to itself, for package-level values that
// callers compare with [Is]. Use [New] for an error that may reach a client.
func Sentinel(text string) error { return stderrors.New(text) }
