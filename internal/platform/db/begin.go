package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

var isolation = map[sql.IsolationLevel]string{
	sql.LevelDefault:         "",
	sql.LevelReadUncommitted: " isolation level read uncommitted",
	sql.LevelReadCommitted:   " isolation level read committed",
	sql.LevelRepeatableRead:  " isolation level repeatable read",
	sql.LevelSerializable:    " isolation level serializable",
}

// BeginTx implements [driver.ConnBeginTx]. It sends BEGIN and the scope in one message, and does not say READ WRITE,
// which would override a default_transaction_read_only of the server.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	acquired(ctx)
	level, ok := isolation[sql.IsolationLevel(opts.Isolation)]
	if !ok {
		return nil, fmt.Errorf("begin a transaction: isolation level %d is not PostgreSQL's", opts.Isolation)
	}
	statement := "begin" + level
	if opts.ReadOnly {
		statement += " read only"
	}
	if s, ok := ctx.Value(beginKey{}).(scope); ok {
		statement += s.set()
	}
	defer c.guard(ctx)()
	if _, err := c.pqConn.ExecContext(ctx, statement, nil); err != nil {
		_ = c.Rollback() // BEGIN may have worked and the setting not; without a transaction lib/pq gives the connection up
		lost(ctx, err)
		return nil, err
	}
	c.inTx = true
	return &driverTx{c, ctx}, nil
}

// driverTx ends a transaction with lib/pq's own methods, which check what the server answered, and gives up a server that
// does not answer once the ctx of the transaction has ended.
type driverTx struct {
	conn *conn
	ctx  context.Context //nolint:containedctx // database/sql passes no ctx to Commit
}

// Commit implements [driver.Tx].
func (t *driverTx) Commit() error {
	defer t.conn.guard(t.ctx)()
	t.conn.inTx = false
	if err := t.conn.Commit(); err != nil {
		return underway(err)
	}
	return nil
}

// Rollback implements [driver.Tx].
func (t *driverTx) Rollback() error {
	defer t.conn.guard(t.ctx)()
	t.conn.inTx = false
	return t.conn.Rollback()
}
