package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// retryAfter is the Retry-After of errors about an unreachable or full database.
const retryAfter = time.Second

// serverError is an error of the PostgreSQL server without the values that it may quote. It is the
// cause of the errors that this package returns.
type serverError struct {
	code       pqerror.Code // SQLSTATE
	constraint string       // the violated constraint or unique index
	text       string
	stalePlan  bool
}

// Error names the condition and the table, column or constraint.
func (e *serverError) Error() string { return e.text }

// parameterRefused begins the message of PgBouncer about a startup parameter that it does not know.
// It is not translated.
const parameterRefused = "unsupported startup parameter"

func newServerError(e *pq.Error) *serverError {
	var b strings.Builder
	// In parentheses, because redaction takes "invalid_password: x" for a name and its value.
	b.WriteString("postgres " + string(e.Code) + " (" + e.Code.Name() + ")")
	switch e.Code.Class() {
	case "22", "23": // data exceptions and integrity violations: their messages quote values
	default:
		b.WriteString(": " + e.Message)
		if strings.HasPrefix(e.Message, parameterRefused) {
			e.Hint = "name it in ignore_startup_parameters of PgBouncer"
		}
		if e.Hint != "" {
			b.WriteString(" (hint: " + e.Hint + ")")
		}
	}
	for _, part := range [][2]string{{"table", e.Table}, {"column", e.Column}, {"constraint", e.Constraint}} {
		if part[1] != "" {
			b.WriteString(", " + part[0] + " " + part[1])
		}
	}
	return &serverError{code: e.Code, constraint: e.Constraint, text: b.String(), stalePlan: isStalePlan(e)}
}

// isStalePlan reports whether a prepared statement no longer fits the schema ("cached plan must not
// change result type") or is gone. It does not read the message, whose language is the server's.
func isStalePlan(e *pq.Error) bool {
	return e.Code == pqerror.InvalidSQLStatementName ||
		e.Code == pqerror.FeatureNotSupported && e.Routine == "RevalidateCachedQuery"
}

// describe replaces an error of the server with a [serverError].
func describe(err error) error {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return newServerError(e)
	}
	return err
}

// SQLState returns the SQLSTATE of the server's error in err's tree, or "".
func SQLState(err error) string {
	if e, ok := errors.AsType[*serverError](describe(err)); ok {
		return string(e.code)
	}
	return ""
}

// Violated reports whether err is the violation of this constraint or unique index.
func Violated(err error, constraint string) bool {
	e, ok := errors.AsType[*serverError](err)
	return ok && e.constraint == constraint
}

// mapError converts an error of database/sql or lib/pq into an error of the service.
// [sql.ErrNoRows] and errors of the service are returned unchanged.
func mapError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, ok := errors.AsType[*errors.Error](err); ok {
		return err
	}
	if errors.Is(err, errConnect) && ctx.Err() == nil {
		return errors.Unavailable(fmt.Errorf("%w: %w", errConnect, describe(err)), "", retryAfter)
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return mapServerError(ctx, newServerError(e))
	}
	switch {
	case ctx.Err() != nil: // lib/pq reports a canceled statement in several ways
		return errors.From(ctx.Err())
	case connectionLost(err):
		return errors.Unavailable(err, "", retryAfter)
	}
	return errors.Wrap(withoutValue(err), errors.CodeDatabase, "")
}

// withoutValue removes the value of the column from an error of Scan, which has no type to
// recognize it by.
func withoutValue(err error) error {
	text := err.Error()
	if at := strings.Index(text, "sql: Scan error on column"); at >= 0 {
		what, _, _ := strings.Cut(text[at:], ": converting")
		return errors.Sentinel(what)
	}
	return err
}

func mapServerError(ctx context.Context, e *serverError) error {
	switch e.code {
	case pqerror.UniqueViolation, pqerror.ForeignKeyViolation, pqerror.ExclusionViolation:
		return errors.Wrap(e, errors.CodeConflict, "")
	case pqerror.CheckViolation, pqerror.NotNullViolation, pqerror.StringDataRightTruncation,
		pqerror.NumericValueOutOfRange, pqerror.InvalidTextRepresentation, pqerror.UntranslatableCharacter,
		pqerror.CharacterNotInRepertoire, pqerror.InvalidDatetimeFormat, pqerror.DatetimeFieldOverflow:
		return errors.Wrap(e, errors.CodeValidation, "")
	case pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected, pqerror.LockNotAvailable,
		pqerror.ReadOnlySQLTransaction:
		return errors.Unavailable(e, "", retryAfter)
	case pqerror.QueryCanceled:
		if ctx.Err() != nil {
			return errors.From(ctx.Err())
		}
		return errors.Wrap(e, errors.CodeGatewayTimeout, "")
	}
	if serverUnavailable(e.code) {
		return errors.Unavailable(e, "", retryAfter)
	}
	return errors.Wrap(e, errors.CodeDatabase, "")
}

func serverUnavailable(code pqerror.Code) bool {
	switch code.Class() {
	case "08", "53", "57": // connection exception, insufficient resources, operator intervention
		return true
	}
	return false
}

func connectionLost(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, lost := range []error{
		driver.ErrBadConn, errConnect, errConnectionLost, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}
