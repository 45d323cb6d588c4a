package db

import (
	"context"
	"database/sql/driver"
	"io"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// pqConn is the part of lib/pq's connection that this package uses. Because it is its own
// driver.Tx, a transaction can begin with our own message and end with lib/pq's Commit, which
// checks the answer.
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

// cancelGrace is the time for lib/pq to cancel a statement on the server after its ctx has ended.
// After it the connection is closed: a server that does not answer must not block a request.
const cancelGrace = time.Second

// evidenceAge is the minimum age of a connection whose failure retires all connections of its
// generation. It limits how often they are replaced while the server stays read-only.
const evidenceAge = 500 * time.Millisecond

// maxStatements limits the prepared statements of one connection. A service has a fixed set of
// statements; more than this indicates SQL that contains values.
const maxStatements = 256

// conn is a driver connection that prepares each statement once, begins a transaction with its
// settings in one message, and logs statements. As for every driver connection, one goroutine uses
// it at a time.
type conn struct {
	pqConn
	net        net.Conn
	statements map[string]statement // by query; nil with binary_parameters, which needs none
	reads      map[string]string    // names of what [conn.read] has prepared, by query
	connector  *connector
	generation int64
	opened     time.Time
	tx         context.Context //nolint:containedctx // of the transaction, nil without one: Commit and Rollback have none
	readOnly   bool            // the transaction is read-only by our own request, whatever the server is
	canceled   bool            // a statement was canceled: the connection finishes its transaction and is then closed
}

type statement interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// guard closes the connection when the server has not answered [cancelGrace] after ctx ended. Call
// stop when the answer has arrived.
func (c *conn) guard(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
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
		_ = c.net.SetDeadline(time.Time{}) // the transaction may continue, with a rollback to a savepoint
		c.canceled = true
	}
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	start, stop := time.Now(), c.guard(ctx)
	rows, err := c.query(ctx, query, args)
	if err != nil {
		stop()
		if errors.Is(err, errNotOneMessage) {
			return nil, err
		}
		err = c.failed(err)
		c.connector.observer.observe(ctx, query, start, time.Since(start), 0, err)
		return nil, err
	}
	// The duration ends with the first answer: how long the caller takes to read is not the
	// database's.
	took := time.Since(start)
	rows.conn, rows.closed = c, func(n int64, err error) {
		stop()
		c.connector.observer.observe(ctx, query, start, took, n, err)
	}
	return rows, nil
}

func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (*countedRows, error) {
	if s, ok := ctx.Value(readKey{}).(scope); ok {
		return c.read(ctx, s, query, args)
	}
	if len(args) == 0 || c.statements == nil {
		rows, err := c.pqConn.QueryContext(ctx, query, args)
		return &countedRows{Rows: rows}, err
	}
	rows, err := runPrepared(ctx, c, query, func(s statement) (driver.Rows, error) { return s.QueryContext(ctx, args) })
	return &countedRows{Rows: rows}, err
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	start, stop := time.Now(), c.guard(ctx)
	defer stop()
	result, err := c.exec(ctx, query, args)
	var n int64
	if err == nil {
		n, _ = result.RowsAffected()
	}
	err = c.failed(err)
	c.connector.observer.observe(ctx, query, start, time.Since(start), n, err)
	return result, err
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 || c.statements == nil {
		return c.pqConn.ExecContext(ctx, query, args)
	}
	return runPrepared(ctx, c, query, func(s statement) (driver.Result, error) { return s.ExecContext(ctx, args) })
}

// runPrepared runs a prepared statement. When a schema change has outdated its plan, it prepares
// the statement again, once and only outside a transaction: in one, the error has already failed
// it, and [Pool.InTx] runs it again.
func runPrepared[T any](ctx context.Context, c *conn, query string, run func(statement) (T, error)) (T, error) {
	for again := false; ; again = true {
		s, err := c.prepare(ctx, query)
		if err != nil {
			var none T
			return none, notSentError{err}
		}
		result, err := run(s)
		if e, ok := errors.AsType[*pq.Error](err); !ok || again || !isStalePlan(e) {
			return result, err
		}
		c.forget(query)
		if c.tx != nil {
			c.connector.retire(c.generation)
			return result, err
		}
	}
}

// prepare returns the prepared statement of query. When there are too many it closes one of them.
func (c *conn) prepare(ctx context.Context, query string) (statement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	if len(c.statements) >= maxStatements {
		for other := range c.statements {
			c.forget(other)
			break
		}
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := prepared.(statement) //nolint:errcheck // lib/pq's statements have these methods
	c.statements[query] = s
	return s, nil
}

// forget closes the statement of query. An error of Close marks the connection bad, which the pool
// sees.
func (c *conn) forget(query string) {
	_ = c.statements[query].Close()
	delete(c.statements, query)
}

// errConnectionLost replaces [driver.ErrBadConn] when the statement may have reached the server:
// after ErrBadConn a statement is run again, and it could take effect twice.
var errConnectionLost = errors.Sentinel("the connection was lost while a statement was running")

// notSentError marks the error of a statement that was not sent, so another connection may be
// tried.
type notSentError struct{ error }

// failed converts an error of lib/pq for database/sql. A read-only server or an I/O timeout retires
// the generation, because it affects all connections. The end of a context, which is a [net.Error]
// too, does not: the server may be well.
func (c *conn) failed(err error) error {
	if err == nil {
		return nil
	}
	notSent, ok := err.(notSentError) //nolint:errorlint // the marker is never wrapped, and is removed here
	if ok {
		err = notSent.error
	}
	lost, isNet := errors.AsType[*net.OpError](err)
	evidence := isNet && lost.Timeout() || !c.readOnly && SQLState(err) == string(pqerror.ReadOnlySQLTransaction)
	if evidence && time.Since(c.opened) >= evidenceAge {
		c.connector.retire(c.generation)
	}
	if isBadConn(err) && !ok {
		return errConnectionLost
	}
	return err
}

func isBadConn(err error) bool { return errors.Is(err, driver.ErrBadConn) }

// ResetSession implements [driver.SessionResetter]. It is called before a pooled connection is used
// again. It refuses one that the server has closed: after a restart of the server no statement
// fails.
func (c *conn) ResetSession(ctx context.Context) error {
	if !c.IsValid() || stale(c.net) {
		return driver.ErrBadConn
	}
	c.readOnly = false
	return c.pqConn.ResetSession(ctx)
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool {
	return !c.canceled && c.generation == c.connector.generation.Load() && c.pqConn.IsValid()
}

// Close implements [driver.Conn]. A connection that is lost already is no error.
func (c *conn) Close() error {
	if err := c.pqConn.Close(); !connectionLost(err) {
		return err
	}
	return nil
}

// Ping implements [driver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	defer c.guard(ctx)()
	return c.pqConn.Ping(ctx)
}

// BeginTx implements [driver.ConnBeginTx]. It sends BEGIN and the settings of the scope in one
// message. It does not send READ WRITE, which would override the server's
// default_transaction_read_only.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts != (driver.TxOptions{}) {
		return nil, errors.Sentinel("begin a transaction: isolation levels and read-only transactions are not supported")
	}
	s, _ := ctx.Value(beginKey{}).(scope)
	defer c.guard(ctx)()
	if _, err := c.pqConn.ExecContext(ctx, "begin"+s.set(), nil); err != nil {
		_ = c.pqConn.Rollback() // BEGIN may have worked and SET not; without a transaction lib/pq marks the connection bad
		return nil, c.failed(notSentError{err})
	}
	c.tx, c.readOnly = ctx, s.readOnly
	return c, nil
}

// Commit implements [driver.Tx]. lib/pq checks the server's answer.
func (c *conn) Commit() error {
	defer c.guardEnd()()
	return c.failed(c.pqConn.Commit())
}

// Rollback implements [driver.Tx].
func (c *conn) Rollback() error {
	defer c.guardEnd()()
	return c.pqConn.Rollback()
}

// guardEnd is [conn.guard] for the end of the transaction.
func (c *conn) guardEnd() (stop func()) {
	ctx := c.tx
	c.tx = nil
	return c.guard(ctx)
}

// Statement is a statement that has ended. It has none of the arguments.
type Statement struct {
	SQL      string // on one line, with '?' for every quoted text
	Start    time.Time
	Duration time.Duration // to the first answer
	Rows     int64
	Err      error // without the values that the server quotes
}

// observer logs statements, each at debug and slow ones as a warning, and passes them to next.
type observer struct {
	log  logging.Logger
	slow atomic.Int64                     // nanoseconds from which a statement is slow; zero disables the warning
	next func(context.Context, Statement) // may be nil
}

var quotedText = regexp.MustCompile(`'(?:[^']|'')*'`)

// observe logs a finished statement and passes it to next.
func (o *observer) observe(
	ctx context.Context, query string, start time.Time, took time.Duration, rows int64, err error,
) {
	limit := time.Duration(o.slow.Load())
	slow := limit > 0 && took >= limit
	if !slow && o.next == nil && !o.log.Enabled(logrus.DebugLevel) {
		return
	}
	text := quotedText.ReplaceAllLiteralString(strings.Join(strings.Fields(query), " "), "'?'")
	s := Statement{text, start, took, rows, describe(err)}
	if o.next != nil {
		o.next(ctx, s)
	}
	level, event := logrus.DebugLevel, "query"
	if slow {
		level, event = logrus.WarnLevel, "query_slow"
	}
	fields := []logging.Field{
		logging.String("query", s.SQL), logging.Duration("duration_ms", took), logging.Int64("rows", rows),
	}
	if err != nil {
		fields = append(fields, logging.Err(s.Err))
	}
	o.log.Log(ctx, level, event, fields...)
}

// countedRows counts rows, so that the statement is logged with their number when they are closed.
type countedRows struct {
	driver.Rows
	conn     *conn
	first    []driver.Value // the first row if it has been read, with what Next returned
	firstErr error
	n        int64
	err      error
	closed   func(rows int64, err error)
}

// Next implements [driver.Rows].
func (r *countedRows) Next(dest []driver.Value) error {
	var err error
	if r.first != nil {
		copy(dest, r.first)
		r.first, err = nil, r.firstErr
	} else {
		err = r.conn.failed(r.Rows.Next(dest))
	}
	switch {
	case err == nil:
		r.n++
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	return err
}

// Close implements [driver.Rows].
func (r *countedRows) Close() error {
	err := r.Rows.Close()
	r.closed(r.n, r.err)
	return err
}
