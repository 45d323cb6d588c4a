package db

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// MapError returns what a client is to see for an error of lib/pq or database/sql that has not gone through this package, such
// as one of a library that was given [Pool.SQL], and nil for any other error. It is an [errors.Mapper], for [errors.Handler].
// The cause, for the log, holds none of the values that the server quotes.
func MapError(err error) *errors.Error {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		err = newServerError(e)
	}
	if e, ok := errors.AsType[*ServerError](err); ok {
		return errors.From(mapServerError(context.Background(), e))
	}
	for _, away := range []error{driver.ErrBadConn, sql.ErrConnDone, errUnreachable, errConnectionLost} {
		if errors.Is(err, away) {
			return errors.Unavailable(away, "", retryAfter)
		}
	}
	return nil
}
