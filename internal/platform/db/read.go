package db

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// ReadOne is [One] for a query that is a whole transaction of the tenant of ctx. The transaction is
// read-only and takes one round trip, where [InTenant] takes three: its beginning, the query and
// its end are one message. In a transaction ReadOne is One.
//
// The message contains the arguments, so they appear in pg_stat_activity and, if the query fails,
// in the log of the server.
func ReadOne[T any](ctx context.Context, p *Pool, query string, args ...any) (T, error) {
	var row T
	err := p.read(ctx, func(ctx context.Context, q queryer) error { return sqlx.GetContext(ctx, q, &row, query, args...) })
	return row, err
}

// ReadAll is [ReadOne] for all rows.
func ReadAll[T any](ctx context.Context, p *Pool, query string, args ...any) ([]T, error) {
	var rows []T
	err := p.read(ctx, func(ctx context.Context, q queryer) error {
		rows = []T{}
		return sqlx.SelectContext(ctx, q, &rows, query, args...)
	})
	return rows, err
}

// read calls fn in the transaction of ctx. Without one, the query of fn is sent as a transaction of
// its own.
func (p *Pool) read(ctx context.Context, fn func(context.Context, queryer) error) error {
	s, err := tenantScope(ctx)
	if err != nil {
		return err
	}
	run := func(ctx context.Context) error { return p.run(ctx, fn) }
	if tx := txFrom(ctx); tx != nil && tx.pool == p {
		if tx.scope == s {
			return run(ctx)
		}
		return p.inTx(ctx, s, run)
	}
	s.readOnly = true
	err = p.retry(ctx, func() error { return run(context.WithValue(ctx, readKey{}, s)) })
	if errors.Is(err, errNotOneMessage) {
		return p.inTx(ctx, s, run)
	}
	return err
}

// readKey is the key of the scope of a query that is a transaction.
type readKey struct{}

// errNotOneMessage means that a query cannot be sent in one message. Nothing was read.
var errNotOneMessage = errors.Sentinel("the query needs a transaction of several messages")

// read runs a query as a read-only transaction of scope s. The server runs the statements of one
// message as one transaction, and rolls it back if one of them fails.
//
// EXECUTE converts its arguments as the extended protocol does, so the query is prepared with
// PREPARE. The name is a hash of the query: in transaction mode a pooler gives the session to other
// clients.
func (c *conn) read(ctx context.Context, s scope, query string, args []driver.NamedValue) (*countedRows, error) {
	list, ok := literals(args)
	name, prepared := c.reads[query]
	if !ok || c.statements == nil || !prepared && len(c.reads) >= maxStatements || strings.Contains(query, ";") {
		return nil, errNotOneMessage
	}
	if !prepared {
		name = fmt.Sprintf("read_%x", sha256.Sum224([]byte(query)))
	}
	c.readOnly = true
	newly := "; prepare " + name + " as " + query + "\n" // which ends a comment
	prepare := newly
	if prepared {
		prepare = ""
	}
	for range 2 {
		rows, err := c.readMessage(ctx, s.set()+prepare+"; execute "+name+list)
		switch e, _ := errors.AsType[*pq.Error](err); {
		case err == nil:
			c.reads[query] = name
			return rows, nil
		case e == nil:
			return nil, err
		case e.Code == pqerror.DuplicatePstatement: // another client of the pooler has prepared it
			prepare = ""
		case e.Code == pqerror.InvalidSQLStatementName: // this session of the pooler lacks it
			prepare = newly
		case isStalePlan(e):
			prepare = "; deallocate " + name + newly
		default:
			return nil, err
		}
	}
	return nil, errNotOneMessage
}

// readMessage sends the scope, what prepares the query if needed, and the query. It waits for the
// first row, because EXECUTE describes the rows before it finds that its plan is stale.
func (c *conn) readMessage(ctx context.Context, message string) (*countedRows, error) {
	rows, err := c.pqConn.QueryContext(ctx, message, nil)
	if err != nil {
		return nil, err
	}
	results := rows.(driver.RowsNextResultSet) //nolint:errcheck // lib/pq's rows have these methods
	for err == nil {
		err = results.Next(nil) // the row of the scope
	}
	if errors.Is(err, io.EOF) {
		err = results.NextResultSet()
	}
	read := &countedRows{Rows: rows}
	if err == nil {
		read.first = make([]driver.Value, len(rows.Columns()))
		if read.firstErr = rows.Next(read.first); !errors.Is(read.firstErr, io.EOF) {
			err = read.firstErr
		}
	}
	if err != nil {
		_ = rows.Close()
		return nil, err
	}
	return read, nil
}

// literals returns a list of arguments for EXECUTE. Quoted, each is the text that lib/pq would send
// as the value of a parameter. It returns false for []byte, whose text depends on the type of the
// parameter, for text with backslashes, which mean something in a bytea and without
// standard_conforming_strings, and for text that the server refuses.
func literals(args []driver.NamedValue) (_ string, ok bool) {
	list := make([]string, len(args))
	for i, arg := range args {
		var text string
		switch v := arg.Value.(type) {
		case nil:
			list[i] = "null"
			continue
		case int64:
			text = strconv.FormatInt(v, 10)
		case float64:
			text = strconv.FormatFloat(v, 'f', -1, 64)
		case bool:
			text = strconv.FormatBool(v)
		case time.Time:
			text = string(pq.FormatTimestamp(v))
		case string:
			if strings.ContainsAny(v, "\\\x00") || !utf8.ValidString(v) {
				return "", false
			}
			text = strings.ReplaceAll(v, "'", "''")
		default:
			return "", false
		}
		list[i] = "'" + text + "'"
	}
	if len(list) == 0 {
		return "", true
	}
	return "(" + strings.Join(list, ", ") + ")", true
}
