package platformtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Database returns the DSN of a database for this test alone, as a superuser. It is a clone of the template, which is
// prepared first when it is not in the server yet. Tests that run in parallel, in several processes too, may ask at once.
//
// The database is dropped at the end of the test with whoever is still connected. When the test has failed it is kept, and
// its DSN is printed. The test fails at once when the database cannot be made.
func Database(tb testing.TB, tmpl Template) string {
	tb.Helper()
	return shared.database(tb, tmpl)
}

func (h *host) database(tb testing.TB, tmpl Template) string {
	tb.Helper()
	s := h.server(tb)
	// Not the test's context: others wait for the template, and must not lose it to a test that ends early.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), startTimeout)
	defer cancel()
	source, err := h.prepared(ctx, s, tmpl)
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	name := "test_" + tmpl.prefix() + "_" + strings.ToLower(rand.Text()[:12])
	dsn, err := withDatabase(s.running.dsn, name)
	if err == nil {
		err = s.clone(ctx, name, source)
	}
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	tb.Cleanup(func() { h.release(tb, s, name, dsn) })
	return dsn
}

// clone copies the files of the template: for small databases a quarter of the time that copying through the log takes,
// which is the default since version 15 and the only other way.
func (s *ready) clone(ctx context.Context, name, source string) error {
	statement := "create database " + pq.QuoteIdentifier(name) + " template " + pq.QuoteIdentifier(source) //nolint:gosec // quoted
	if s.version >= 150000 {
		statement += " strategy file_copy"
	}
	if _, err := s.admin.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("clone the template: %w", err)
	}
	return nil
}

func (h *host) release(tb testing.TB, s *ready, name, dsn string) {
	tb.Helper()
	if tb.Failed() {
		h.kept.Store(true)
		tb.Logf("platformtest: the database of this test is kept: psql '%s'", dsn)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), stopTimeout)
	defer cancel()
	if _, err := s.admin.ExecContext(ctx, "drop database "+pq.QuoteIdentifier(name)+" with (force)"); err != nil {
		tb.Errorf("platformtest: drop the database of this test: %v", err)
	}
}

// withDatabase returns the DSN with another database in it. It takes both forms, URL and key=value. Errors do not quote the
// DSN, which holds a password.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.Sentinel("the DSN of the test server is not a URL")
	}
	u.Path, u.RawPath = "/"+name, ""
	return u.String(), nil
}
