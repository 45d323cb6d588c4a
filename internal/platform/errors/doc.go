// Package errors is the one error type of the service and the one place where an error becomes an HTTP response.
//
// An error is a value that carries a [Code] for machines, a message for people, optional details, and the cause that only
// logs may see. Code below the HTTP layer returns such values, wrapped with what was tried; [Handler] renders each one
// once, as application/problem+json (RFC 9457), and hands it to a report function, which logs it once. This package
// knows nothing of logging, so that logging may know errors. Errors of libraries, such as those of a database driver, become
// ones with a code by a [Mapper], so that it knows nothing of those either.
//
//	note, err := store.Get(ctx, id)
//	if err != nil {
//		return errors.NotFoundOr(err, "note", id)
//	}
//
// The package also owns correlation ids: [CorrelationMiddleware] takes one over or makes one, [CorrelationID] reads it.
// The functions of the standard package ([Is], [As], [AsType], [Join], [Unwrap]) are here too, so that a file needs one errors
// import; what is New there is [Sentinel] here. [Is] also finds a [Code]: errors.Is(err, errors.CodeConflict).
//
// # Lifting it out
//
// Copy the folder. It imports echo/v4 and google/uuid and no other package of this module, and for its tests testify and
// santhosh-tekuri/jsonschema.
package errors
