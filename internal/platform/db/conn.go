package db

import (
	"context"
	"database/sql/driver"
	"net"
	"time"

	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// pqConn is what this package uses of lib/pq's connection. That it is its own driver.Tx is what lets a transaction begin
// with one message of our own and still end with lib/pq's Commit, which checks what the server answered.
type pqConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.QueryerContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
	driver.Tx
}

// cancelGrace is how long a statement may go on after its ctx has ended, while lib/pq asks the server to cancel it. After
// it the connection is cut: a server that does not answer must not hold a request.
const cancelGrace = time.Second

// conn is a connection that prepares a statement once, begins a transaction with its settings in one message, and reports
// what it ran. Like every driver connection it is used by one goroutine at a time.
type conn struct {
	pqConn
	net        net.Conn
	statements *statements
	observer   observer
	inTx       bool
	cut        bool // a statement was given up: the connection serves its transaction to the end and no other
}

func newConn(inner pqConn, nc net.Conn, o observer, unprepared bool) *conn {
	c := &conn{pqConn: inner, net: nc, observer: o}
	if !unprepared {
		c.statements = newStatements(inner)
	}
	return c
}

// guard cuts the connection where the server has not answered [cancelGrace] after ctx ended. Call what it returns when
// the answer is there.
func (c *conn) guard(ctx context.Context) (stop func()) {
	if ctx.Done() == nil || c.net == nil {
		return func() {}
	}
	set := make(chan struct{})
	end := context.AfterFunc(ctx, func() {
		defer close(set)
		_ = c.net.SetDeadline(time.Now().Add(cancelGrace))
	})
	return func() {
		if end() {
			return
		}
		<-set
		_ = c.net.SetDeadline(time.Time{}) // the transaction may go on: with the rollback to a savepoint, say
		c.cut = true
	}
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	acquired(ctx)
	start, stop := time.Now(), c.guard(ctx)
	rows, err := c.query(ctx, query, args)
	if err != nil {
		stop()
		err = underway(err)
		lost(ctx, err)
		c.observer.ran(ctx, query, time.Since(start), 0, err)
		return nil, err
	}
	return c.observer.rows(ctx, rows, query, time.Since(start), stop), nil
}

func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 || c.statements == nil {
		return c.pqConn.QueryContext(ctx, query, args)
	}
	return prepared(ctx, c, query, func(s statement) (driver.Rows, error) { return s.QueryContext(ctx, args) })
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	acquired(ctx)
	start, stop := time.Now(), c.guard(ctx)
	defer stop()
	result, err := c.exec(ctx, query, args)
	var n int64
	if err == nil {
		n, _ = result.RowsAffected()
	} else {
		err = underway(err)
		lost(ctx, err)
	}
	c.observer.ran(ctx, query, time.Since(start), n, err)
	return result, err
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 || c.statements == nil {
		return c.pqConn.ExecContext(ctx, query, args)
	}
	return prepared(ctx, c, query, func(s statement) (driver.Result, error) { return s.ExecContext(ctx, args) })
}

// prepared runs a statement that is prepared on this connection. A plan that no longer fits, since the schema changed
// under it, is prepared anew once, unless that error has already failed a transaction.
func prepared[T any](ctx context.Context, c *conn, query string, run func(statement) (T, error)) (T, error) {
	var none T
	s, err := c.statements.get(ctx, query)
	if err != nil {
		return none, notSent{err}
	}
	result, err := run(s)
	switch pqerror.Code(SQLState(err)) {
	case pqerror.FeatureNotSupported, pqerror.InvalidSQLStatementName: // 0A000, 26000
		c.statements.forget(query)
		if c.inTx {
			return result, err
		}
		if s, err = c.statements.get(ctx, query); err != nil {
			return none, notSent{err}
		}
		return run(s)
	}
	return result, err
}

// errConnectionLost takes the place of [driver.ErrBadConn] where a statement may have reached the server: database/sql
// runs a statement again after ErrBadConn, and one that had its effect already would have it twice.
var errConnectionLost = errors.Sentinel("the connection was lost while a statement was under way")

// notSent marks the error of a statement that cannot have had an effect, so that database/sql may try another connection.
type notSent struct{ error }

func underway(err error) error {
	if unsent, ok := err.(notSent); ok { //nolint:errorlint // the marker is never wrapped, and is taken off here
		return unsent.error
	}
	if errors.Is(err, driver.ErrBadConn) {
		return errConnectionLost
	}
	return err
}

// ResetSession implements [driver.SessionResetter]. It is called before a pooled connection is used again, and refuses one
// that the server has closed since, so that after a restart of the server no statement is lost on a stale connection.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.cut || stale(c.net) {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool { return !c.cut && c.pqConn.IsValid() }

// Ping implements [driver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	acquired(ctx)
	defer c.guard(ctx)()
	return c.pqConn.Ping(ctx)
}
