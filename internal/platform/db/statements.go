package db

import (
	"container/list"
	"context"
	"database/sql/driver"
	"fmt"
)

// maxStatements bounds the prepared statements of one connection, in the memory of the server and here. A service has a
// fixed set of statements; more than this points to SQL that is put together with values in it.
const maxStatements = 256

type statement interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// statements are the prepared statements of one connection, the least recently used given up first.
type statements struct {
	conn  driver.ConnPrepareContext
	byKey map[string]*list.Element
	order *list.List // of *entry, most recently used first
}

type entry struct {
	query string
	stmt  statement
}

func newStatements(conn driver.ConnPrepareContext) *statements {
	return &statements{conn: conn, byKey: make(map[string]*list.Element), order: list.New()}
}

// get returns the prepared statement for query, prepared now where it is not yet.
func (s *statements) get(ctx context.Context, query string) (statement, error) {
	if e, ok := s.byKey[query]; ok {
		s.order.MoveToFront(e)
		return e.Value.(*entry).stmt, nil
	}
	if s.order.Len() >= maxStatements {
		s.forget(s.order.Back().Value.(*entry).query)
	}
	prepared, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	stmt, ok := prepared.(statement)
	if !ok {
		_ = prepared.Close()
		return nil, fmt.Errorf("prepare a statement: lib/pq's %T takes no ctx", prepared)
	}
	s.byKey[query] = s.order.PushFront(&entry{query, stmt})
	return stmt, nil
}

// forget closes the statement for query. An error of Close leaves the connection marked bad, which the pool sees.
func (s *statements) forget(query string) {
	if e, ok := s.byKey[query]; ok {
		delete(s.byKey, query)
		s.order.Remove(e)
		_ = e.Value.(*entry).stmt.Close()
	}
}
