// Package errors is the error type of the service.
//
// An [Error] has a [Code] for machines, a message for people, optional details, and a cause that
// only logs may show. Code below the HTTP layer returns it and adds what was tried:
//
//	note, err := db.One[Note](ctx, pool, query, id)
//	return note, errors.NotFoundOr(err, "note", id)
//
// The functions of the standard package are here too, so that a file needs one errors import;
// [Sentinel] is its New. [Is] also finds a [Code]: errors.Is(err, errors.CodeConflict).
//
// # From lib/pq to the response and the log line
//
//	lib/pq            returns a *pq.Error, such as a unique violation
//	db.mapError       wraps it, here with CodeConflict, without values of rows  db/errors.go
//	store             adds what was tried, or returns NotFoundOr                notes/store.go
//	service, handler  return it
//	accessLog         calls c.Error, and so ErrorHandler                        server/middleware.go
//	ErrorHandler      calls From, Logger.Exception and writeProblem             server/problem.go
//	From              finds the Error in the tree, or chooses a code            errors/error.go
//	Logger.Exception  logs exception_raised: code, causes, caller, stack        logging/operation.go
//	writeProblem      writes application/problem+json (RFC 9457), no cause      server/problem.go
//
// # Lifting it out
//
// Copy this folder. It imports google/uuid; its tests import testify and goleak.
package errors
