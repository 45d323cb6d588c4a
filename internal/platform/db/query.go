package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// NewID returns a UUIDv7 for a new row: rows created together are together in an index. It panics
// if the system has no randomness.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// queryer is a connection or a transaction.
type queryer interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
}

// One returns the first row of a query as T: a struct with db tags, or a scalar. Without a row it
// returns [sql.ErrNoRows], which errors.NotFoundOr turns into a 404. args are positional, as in $1.
func One[T any](ctx context.Context, p *Pool, query string, args ...any) (T, error) {
	var row T
	err := p.run(ctx, func(ctx context.Context, q queryer) error { return sqlx.GetContext(ctx, q, &row, query, args...) })
	return row, err
}

// All returns every row of a query as T, an empty slice for none. Limit the number in the query.
func All[T any](ctx context.Context, p *Pool, query string, args ...any) ([]T, error) {
	rows := []T{}
	err := p.run(ctx, func(ctx context.Context, q queryer) error {
		return sqlx.SelectContext(ctx, q, &rows, query, args...)
	})
	return rows, err
}

// Exec runs a statement and returns the number of affected rows. A statement is not run again when
// its connection is lost after it was sent: it may have taken effect.
func Exec(ctx context.Context, p *Pool, query string, args ...any) (int64, error) {
	var n int64
	err := p.run(ctx, func(ctx context.Context, q queryer) error {
		result, err := q.ExecContext(ctx, query, args...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}

// run calls fn with the transaction of ctx, else with a connection of the pool.
func (p *Pool) run(ctx context.Context, fn func(context.Context, queryer) error) (err error) {
	if tx := txFrom(ctx); tx != nil && tx.pool == p {
		err = fn(ctx, tx)
	} else {
		err = p.withConn(ctx, func(conn *sqlx.Conn) error { return fn(ctx, conn) })
	}
	if err != nil {
		return fmt.Errorf("run a statement: %w", mapError(ctx, err))
	}
	return nil
}

// Conditions builds the where clause of a query with optional filters. The zero value has no
// condition. It is not safe for concurrent use.
//
//	var where db.Conditions
//	if author != uuid.Nil {
//		where.And("author_id = ?", author)
//	}
//	query := "select * from notes" + where.SQL() + " order by id desc limit " + where.Arg(limit)
//	notes, err := db.All[Note](ctx, pool, query, where.Args()...)
//
// Conditions must be constants of the program; variable parts are arguments.
type Conditions struct {
	list []string
	args []any
}

// And adds a condition. Each ? in it stands for one of args, in order. Write an operator that
// contains a ? as a function.
func (c *Conditions) And(condition string, args ...any) {
	for _, arg := range args {
		condition = strings.Replace(condition, "?", c.Arg(arg), 1)
	}
	c.list = append(c.list, condition)
}

// Arg adds an argument and returns its placeholder, such as $3.
func (c *Conditions) Arg(arg any) string {
	c.args = append(c.args, arg)
	return "$" + strconv.Itoa(len(c.args))
}

// SQL returns the conditions as a where clause with a leading space, or "".
func (c *Conditions) SQL() string {
	if len(c.list) == 0 {
		return ""
	}
	return " where " + strings.Join(c.list, " and ")
}

// Args returns the added arguments in order.
func (c *Conditions) Args() []any { return c.args }

// Text converts s to text that PostgreSQL can store: valid UTF-8 without NUL, cut to longest
// characters. Invalid bytes become U+FFFD. Use it for input that is stored but not validated, such
// as a header.
func Text(s string, longest int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest])
	}
	return s
}
