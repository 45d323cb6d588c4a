package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"net"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// retryAfter is what a client is told when the database is away or full.
const retryAfter = time.Second

// ServerError is what the PostgreSQL server said, less the values it may quote. It is the cause of the errors that this
// package returns.
type ServerError struct {
	State      string // SQLSTATE
	Constraint string // the constraint or unique index that was violated
	Table      string
	Column     string
	text       string
}

// Error names the condition, and the constraint or column it is about.
func (e *ServerError) Error() string { return e.text }

func newServerError(e *pq.Error) *ServerError {
	var b strings.Builder
	b.WriteString("postgres " + string(e.Code) + " " + e.Code.Name())
	switch e.Code.Class() {
	case "22", "23": // data exceptions and integrity violations: their messages quote values
	default:
		b.WriteString(": " + e.Message)
	}
	for _, part := range []struct{ name, value string }{{"table", e.Table}, {"column", e.Column}, {"constraint", e.Constraint}} {
		if part.value != "" {
			b.WriteString(", " + part.name + " " + part.value)
		}
	}
	return &ServerError{State: string(e.Code), Constraint: e.Constraint, Table: e.Table, Column: e.Column, text: b.String()}
}

// describe returns err with a server's error in it replaced by a [ServerError].
func describe(err error) error {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return newServerError(e)
	}
	return err
}

// SQLState returns the SQLSTATE of the server's error in err's tree, or "".
func SQLState(err error) string {
	if e, ok := errors.AsType[*ServerError](err); ok {
		return e.State
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return string(e.Code)
	}
	return ""
}

// Violated reports whether err says that this constraint or unique index was violated.
func Violated(err error, constraint string) bool {
	e, ok := errors.AsType[*ServerError](err)
	return ok && e.Constraint == constraint
}

// mapError turns what database/sql and lib/pq return into an error of the service. [sql.ErrNoRows] and errors that are
// mapped already stay as they are.
func mapError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, ok := errors.AsType[*errors.Error](err); ok {
		return err
	}
	if waitedInVain(ctx) {
		return errors.Unavailable(errPoolTimeout, "", retryAfter)
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return mapServerError(ctx, newServerError(e))
	}
	switch {
	case ctx.Err() != nil: // lib/pq reports a cancelled statement in several ways
		return errors.From(ctx.Err())
	case connectionLost(err):
		return errors.Unavailable(err, "", retryAfter)
	}
	return errors.Wrap(withoutValue(err), errors.CodeDatabase, "")
}

// withoutValue cuts the value of the column off an error of Scan. Its text is all there is to tell it by.
func withoutValue(err error) error {
	text := err.Error()
	if at := strings.Index(text, "sql: Scan error on column"); at >= 0 {
		what, _, _ := strings.Cut(text[at:], ": converting")
		return errors.Sentinel(what)
	}
	return err
}

func mapServerError(ctx context.Context, e *ServerError) error {
	code := pqerror.Code(e.State)
	switch code {
	case pqerror.UniqueViolation, pqerror.ForeignKeyViolation, pqerror.ExclusionViolation:
		return errors.Wrap(e, errors.CodeConflict, "")
	case pqerror.CheckViolation, pqerror.NotNullViolation, pqerror.StringDataRightTruncation, pqerror.NumericValueOutOfRange,
		pqerror.InvalidTextRepresentation, pqerror.UntranslatableCharacter, pqerror.CharacterNotInRepertoire,
		pqerror.InvalidDatetimeFormat, pqerror.DatetimeFieldOverflow:
		return errors.Wrap(e, errors.CodeValidation, "")
	case pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected, pqerror.LockNotAvailable, pqerror.ReadOnlySQLTransaction:
		return errors.Unavailable(e, "", retryAfter)
	case pqerror.QueryCanceled:
		if ctx.Err() != nil {
			return errors.From(ctx.Err())
		}
		return errors.Wrap(e, errors.CodeGatewayTimeout, "")
	}
	switch code.Class() {
	case "08", "53", "57": // connection exception, insufficient resources, operator intervention
		return errors.Unavailable(e, "", retryAfter)
	}
	return errors.Wrap(e, errors.CodeDatabase, "")
}

func connectionLost(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, away := range []error{
		driver.ErrBadConn, errUnreachable, errConnectionLost, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	return false
}
