package platformtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	startTimeout = 10 * time.Minute // including a first download or pull
	stopTimeout  = 30 * time.Second
)

// shared is the harness of this test process. One server per process makes a database per test
// cheap.
var shared = newHarness(os.Getenv, os.Stderr)

// provider is a source of a server.
type provider struct {
	name  string // in TEST_POSTGRES_PROVIDER
	start func(ctx context.Context) (*server, error)
}

func providers(getenv func(string) string) []provider {
	container := func(ctx context.Context) (*server, error) { return startContainer(ctx, getenv("TEST_POSTGRES_IMAGE")) }
	return []provider{
		{"container", container},
		{"binaries", func(ctx context.Context) (*server, error) { return startLocal(ctx, embedded.Find) }},
		{"download", func(ctx context.Context) (*server, error) { return startLocal(ctx, embedded.Download) }},
	}
}

// server is a running server.
type server struct {
	dsn     string // a URL
	origin  string // "from a container (postgres:17-alpine)"
	stop    func(ctx context.Context) error
	keep    func() string                                   // lets the server run and returns how to end it
	kill    func(ctx context.Context) error                 // like a crash; nil for TEST_DATABASE_URL
	restart func(ctx context.Context) (dsn string, _ error) // after kill, on the same data

	// Set by connect.
	admin *sql.DB
	url   *url.URL // of dsn
}

// harness owns the server of a test process and the templates in it.
type harness struct {
	getenv    func(string) string
	out       io.Writer
	providers []provider
	open      atomic.Bool // while Main runs the tests
	kept      atomic.Bool // a failed test has kept its database
	once      sync.Once
	started   *server
	err       error

	mu        sync.Mutex
	templates map[string]func() error // by database; each prepares its template once
}

func newHarness(getenv func(string) string, out io.Writer) *harness {
	return &harness{getenv: getenv, out: out, providers: providers(getenv), templates: map[string]func() error{}}
}

// server returns the server of this test process, which the first call starts. It fails the test
// when no server can be started, or when the package has no TestMain that calls [Main].
func (h *harness) server(tb testing.TB) *server {
	tb.Helper()
	if !h.open.Load() {
		tb.Fatalf("platformtest: nothing would stop the server: add func TestMain(m *testing.M) { platformtest.Main(m) }")
	}
	h.once.Do(func() { h.started, h.err = h.start() })
	if h.err != nil {
		tb.Fatalf("platformtest: no PostgreSQL to test with: %v", h.err)
	}
	return h.started
}

// start has its own context, because the server outlives the first test.
func (h *harness) start() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s, err := h.choose(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.stop(ctx))
	}
	fmt.Fprintln(h.out, "platformtest:", s.origin)
	return s, nil
}

// choose uses TEST_DATABASE_URL, else starts a server.
func (h *harness) choose(ctx context.Context) (*server, error) {
	external, only := h.getenv("TEST_DATABASE_URL"), h.getenv("TEST_POSTGRES_PROVIDER")
	switch {
	case external != "" && only != "":
		return nil, errors.Sentinel("TEST_DATABASE_URL and TEST_POSTGRES_PROVIDER are both set: unset one of them")
	case external != "":
		return &server{
			dsn:    external,
			origin: "from TEST_DATABASE_URL",
			stop:   func(context.Context) error { return nil },
			keep:   func() string { return "the kept databases are on the server of TEST_DATABASE_URL" },
		}, nil
	}
	return h.startProvider(ctx, only)
}

// startProvider starts a server with the first provider that works. If only is not empty, no other
// is tried.
func (h *harness) startProvider(ctx context.Context, only string) (*server, error) {
	var failed error
	names := make([]string, 0, len(h.providers))
	for _, p := range h.providers {
		names = append(names, p.name)
		if only != "" && only != p.name {
			continue
		}
		s, err := p.start(ctx)
		if err == nil {
			return s, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", p.name, err))
	}
	if failed == nil {
		return nil, fmt.Errorf("TEST_POSTGRES_PROVIDER is not one of %s", strings.Join(names, ", "))
	}
	return nil, failed
}

// connect opens the server and adds its version to the origin.
func (s *server) connect(ctx context.Context) (err error) {
	if s.url, err = parseURL(s.dsn); err != nil {
		return err
	}
	if s.admin, err = sql.Open("postgres", s.dsn); err != nil {
		return fmt.Errorf("read the DSN of the test server: %w", err)
	}
	s.admin.SetMaxOpenConns(10)
	s.admin.SetMaxIdleConns(10)
	var version string
	if err := s.admin.QueryRowContext(ctx, "show server_version").Scan(&version); err != nil {
		return errors.Join(fmt.Errorf("ask the test server for its version: %w", err), s.admin.Close())
	}
	version, _, _ = strings.Cut(version, " ") // Debian adds its own version
	s.origin = "PostgreSQL " + version + " " + s.origin
	return nil
}

// database returns the DSN of a database on the server.
func (s *server) database(name string) string {
	u := *s.url
	u.Path, u.RawPath = "/"+name, ""
	return u.String()
}

// close stops the server, or keeps it when a failed test has kept its database.
func (h *harness) close() {
	h.open.Store(false)
	if h.started == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := h.started.admin.Close()
	if h.kept.Load() {
		fmt.Fprintln(h.out, "platformtest:", h.started.keep())
	} else {
		err = errors.Join(err, h.started.stop(ctx))
	}
	if err != nil {
		fmt.Fprintln(h.out, "platformtest: stop the server:", err)
	}
}

// Template is the initial content of a test database.
type Template struct {
	Name    string                                      // prefix of the database names, for people
	Hash    string                                      // of what Prepare does; may be empty
	Prepare func(ctx context.Context, dsn string) error // fills an empty database; nil leaves it empty
}

// Database returns the DSN of a new database for this test alone, as a superuser. The database is a
// clone of the template, which is prepared first if the server does not have it. Parallel tests, in
// several processes too, may call it at once.
//
// At the end of the test the database is dropped with its connections. If the test has failed and
// TEST_KEEP is 1, it is kept and the output has the psql command for it. Database ends the test
// when the database cannot be created.
func Database(tb testing.TB, tmpl Template) string {
	tb.Helper()
	return shared.database(tb, tmpl)
}

func (h *harness) database(tb testing.TB, tmpl Template) string {
	tb.Helper()
	s := h.server(tb)
	// Not the ctx of the test: other tests wait for the template too, and this test may end early.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), startTimeout)
	defer cancel()
	source, err := h.ensureTemplate(ctx, s, tmpl)
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	name := "test_" + tmpl.prefix() + "_" + strings.ToLower(rand.Text()[:12])
	if err := s.clone(ctx, name, source); err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	tb.Cleanup(func() { h.dropDatabase(tb, s, name) })
	return s.database(name)
}

// clone copies the files of the template: for small databases that takes a quarter of the time of
// copying through the log, the default since version 15.
func (s *server) clone(ctx context.Context, name, source string) error {
	statement := fmt.Sprintf("create database %s template %s strategy file_copy",
		pq.QuoteIdentifier(name), pq.QuoteIdentifier(source))
	if _, err := s.admin.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("clone the template: %w", err)
	}
	return nil
}

func (h *harness) dropDatabase(tb testing.TB, s *server, name string) {
	tb.Helper()
	if tb.Failed() && h.getenv("TEST_KEEP") == "1" {
		h.kept.Store(true)
		tb.Logf("platformtest: the database of this test is kept: psql '%s'", s.database(name))
		return
	}
	if tb.Failed() {
		tb.Logf("platformtest: the database of this test is dropped; TEST_KEEP=1 keeps it, to look into it with psql")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), stopTimeout)
	defer cancel()
	if _, err := s.admin.ExecContext(ctx, "drop database "+pq.QuoteIdentifier(name)+" with (force)"); err != nil {
		tb.Errorf("platformtest: drop the database of this test: %v", err)
	}
}

// database returns the name of the template's database, which identifies Name and Hash.
func (t Template) database() string {
	sum := sha256.Sum256([]byte(t.Name + "\x00" + t.Hash))
	return fmt.Sprintf("template_%s_%x", t.prefix(), sum[:8])
}

// prefix is short enough for names of at most 63 bytes and needs no quotes.
func (t Template) prefix() string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(t.Name))
	return name[:min(len(name), 24)]
}

// ensureTemplate prepares the template once per process and returns the name of its database.
func (h *harness) ensureTemplate(ctx context.Context, s *server, t Template) (string, error) {
	name := t.database()
	h.mu.Lock()
	prepare := h.templates[name]
	if prepare == nil {
		prepare = sync.OnceValue(func() error { return s.lockTemplate(ctx, name, t) })
		h.templates[name] = prepare
	}
	h.mu.Unlock()
	return name, prepare()
}

// lockTemplate holds an advisory lock, so that of several test processes on one server one prepares
// the template and the others wait.
func (s *server) lockTemplate(ctx context.Context, name string, t Template) (err error) {
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
	return s.createTemplate(ctx, conn, name, t)
}

// createTemplate marks the database as a template when it is complete. A database without the mark
// is from a run that was interrupted, and is created again.
func (s *server) createTemplate(ctx context.Context, conn *sql.Conn, name string, t Template) error {
	var complete bool
	err := conn.QueryRowContext(ctx, "select datistemplate from pg_database where datname = $1", name).Scan(&complete)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look for the template: %w", err)
	}
	if complete {
		return nil
	}
	quoted := pq.QuoteIdentifier(name)
	drop := "drop database if exists " + quoted + " with (force)"
	if err := execute(ctx, conn, drop, "create database "+quoted); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	if t.Prepare != nil {
		if err := t.Prepare(ctx, s.database(name)); err != nil {
			return errors.Join(fmt.Errorf("prepare the template: %w", err), execute(context.WithoutCancel(ctx), conn, drop))
		}
	}
	// A template with connections cannot be cloned, and Prepare may have left a pool open.
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
