package db

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// One returns the one row of a query as T: a struct with db tags, or a scalar. No row is [sql.ErrNoRows], which
// errors.NotFoundOr turns into a 404; of several rows it returns the first. args are positional, as in $1.
func One[T any](ctx context.Context, p *Pool, query string, args ...any) (T, error) {
	var row T
	err := p.do(ctx, func(ctx context.Context, q sqlx.ExtContext) error {
		return sqlx.GetContext(ctx, q, &row, query, args...)
	})
	return row, err
}

// All returns every row of a query as T, an empty slice for none. The query says how many there may be at most.
func All[T any](ctx context.Context, p *Pool, query string, args ...any) ([]T, error) {
	rows := []T{}
	err := p.do(ctx, func(ctx context.Context, q sqlx.ExtContext) error {
		return sqlx.SelectContext(ctx, q, &rows, query, args...)
	})
	return rows, err
}

// Exec runs a statement and returns how many rows it touched. A statement whose connection is lost under way is not run
// again: it may have had its effect.
func Exec(ctx context.Context, p *Pool, query string, args ...any) (int64, error) {
	var n int64
	err := p.do(ctx, func(ctx context.Context, q sqlx.ExtContext) error {
		result, err := q.ExecContext(ctx, query, args...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}

// do runs fn on the transaction that ctx carries, else on a connection of the pool.
func (p *Pool) do(ctx context.Context, fn func(context.Context, sqlx.ExtContext) error) error {
	if tx := txFrom(ctx); tx != nil && tx.pool == p {
		return wrap(ctx, fn(ctx, tx))
	}
	ctx, release := acquiring(ctx, p.config.PoolTimeout)
	defer release()
	return wrap(ctx, fn(ctx, p.db))
}

func wrap(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("run a statement: %w", mapError(ctx, err))
}
