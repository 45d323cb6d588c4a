package platformtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Template says what a test database looks like at first.
type Template struct {
	Name    string                                      // beginning of the names of the databases, for people
	Hash    string                                      // changes when Prepare would do something else; empty is allowed
	Prepare func(ctx context.Context, dsn string) error // fills an empty database; nil leaves it empty
}

// template is a template in the server, prepared at most once in this process.
type template struct {
	once sync.Once
	err  error
}

// database returns the name of the template's database. Templates that differ in anything but Prepare differ in it.
func (t Template) database() string {
	sum := sha256.Sum256([]byte(t.Name + "\x00" + t.Hash))
	return fmt.Sprintf("template_%s_%x", t.prefix(), sum[:8])
}

// prefix is short enough for names of at most 63 bytes and needs no quotes, so that a name can be pasted anywhere.
func (t Template) prefix() string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(t.Name))
	return name[:min(len(name), 24)]
}

// prepared makes sure that the template is in the server and returns the name of its database.
func (h *host) prepared(ctx context.Context, s *ready, t Template) (string, error) {
	name := t.database()
	h.mu.Lock()
	entry := h.templates[name]
	if entry == nil {
		entry = &template{}
		h.templates[name] = entry
	}
	h.mu.Unlock()
	entry.once.Do(func() { entry.err = s.prepare(ctx, name, t) })
	return name, entry.err
}

// prepare holds an advisory lock, so that of several test processes on one server one prepares and the others wait.
func (s *ready) prepare(ctx context.Context, name string, t Template) (err error) {
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	sum := sha256.Sum256([]byte(name))
	key := int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // every bit pattern is a key
	if _, err := conn.ExecContext(ctx, "select pg_advisory_lock($1)", key); err != nil {
		return fmt.Errorf("wait for other test processes: %w", err)
	}
	defer func() {
		_, unlock := conn.ExecContext(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", key)
		err = errors.Join(err, unlock)
	}()
	return s.fill(ctx, conn, name, t)
}

// fill marks the database as a template only when it is complete. One without the mark was left by a run that ended half
// way, and is made anew.
func (s *ready) fill(ctx context.Context, conn *sql.Conn, name string, t Template) error {
	var complete bool
	err := conn.QueryRowContext(ctx, "select datistemplate from pg_database where datname = $1", name).Scan(&complete)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look for the template: %w", err)
	}
	if complete {
		return nil
	}
	quoted := pq.QuoteIdentifier(name)
	if err := execute(ctx, conn, "drop database if exists "+quoted+" with (force)", "create database "+quoted); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	if t.Prepare != nil {
		dsn, err := withDatabase(s.running.dsn, name)
		if err == nil {
			err = t.Prepare(ctx, dsn)
		}
		if err != nil {
			drop := execute(context.WithoutCancel(ctx), conn, "drop database if exists "+quoted+" with (force)")
			return errors.Join(fmt.Errorf("prepare the template: %w", err), drop)
		}
	}
	// Nobody may be connected while it is cloned, a pool that Prepare left open included.
	return execute(ctx, conn,
		"alter database "+quoted+" with is_template true allow_connections false",
		"select pg_terminate_backend(pid) from pg_stat_activity where datname = "+pq.QuoteLiteral(name))
}

func execute(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
