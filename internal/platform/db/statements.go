package db

import (
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
	conn    driver.ConnPrepareContext
	byQuery map[string]*kept
	uses    uint64
}

type kept struct {
	statement
	lastUse uint64
}

func newStatements(conn driver.ConnPrepareContext) *statements {
	return &statements{conn: conn, byQuery: make(map[string]*kept)}
}

// get returns the prepared statement for query, prepared now where it is not yet.
func (s *statements) get(ctx context.Context, query string) (statement, error) {
	s.uses++
	if k, ok := s.byQuery[query]; ok {
		k.lastUse = s.uses
		return k.statement, nil
	}
	if len(s.byQuery) >= maxStatements {
		s.forget(s.oldest())
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
	s.byQuery[query] = &kept{stmt, s.uses}
	return stmt, nil
}

// oldest looks at all of them, which is nothing beside the round trip of the statement that takes the place.
func (s *statements) oldest() (query string) {
	least := s.uses
	for q, k := range s.byQuery {
		if k.lastUse < least {
			least, query = k.lastUse, q
		}
	}
	return query
}

// forget closes the statement for query. An error of Close leaves the connection marked bad, which the pool sees.
func (s *statements) forget(query string) {
	if k, ok := s.byQuery[query]; ok {
		delete(s.byQuery, query)
		_ = k.Close()
	}
}
