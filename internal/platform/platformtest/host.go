package platformtest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	startTimeout = 10 * time.Minute // a first download or pull included
	stopTimeout  = 30 * time.Second
)

// shared is the host of this test process. A server for the whole process is what makes a database per test cheap.
var shared = newHost(os.Getenv, os.Stderr)

// ServerInfo says where the server of this test process is.
type ServerInfo struct {
	DSN      string // of the maintenance database, as a superuser
	Provider string // one line for people: version and origin
}

// Server returns the server of this test process and starts it when it is the first to ask. It fails the test when there is
// none to be had, or when the package has no TestMain that calls [Main].
func Server(tb testing.TB) ServerInfo {
	tb.Helper()
	return shared.server(tb).info
}

// running is a server that the tests use and how to end it.
type running struct {
	dsn    string
	origin string // "from a container (postgres:17-alpine)"
	stop   func(ctx context.Context) error
	keep   func() string // lets it run on and says how to end it

	kill   func(ctx context.Context) error                 // ends it without a warning; nil where it is not ours
	revive func(ctx context.Context) (dsn string, _ error) // starts it again on the same data
}

// host owns the server of a process, the connections to it and the templates in it.
type host struct {
	getenv    func(string) string
	out       io.Writer
	providers []provider
	open      atomic.Bool // true while Main runs the tests
	kept      atomic.Bool // true when a failed test has kept its database
	once      sync.Once
	ready     *ready
	err       error

	mu        sync.Mutex
	templates map[string]*template
}

// ready is a server that has answered.
type ready struct {
	info    ServerInfo
	version int // server_version_num
	admin   *sql.DB
	running *running
}

func newHost(getenv func(string) string, out io.Writer) *host {
	return &host{getenv: getenv, out: out, providers: providers(getenv), templates: map[string]*template{}}
}

func (h *host) server(tb testing.TB) *ready {
	tb.Helper()
	if !h.open.Load() {
		tb.Fatalf("platformtest: nothing would stop the server: add func TestMain(m *testing.M) { platformtest.Main(m) }")
	}
	h.once.Do(func() { h.ready, h.err = h.start() })
	if h.err != nil {
		tb.Fatalf("platformtest: no PostgreSQL to test with: %v", h.err)
	}
	return h.ready
}

// start has a context of its own: the server outlives the test that asks first.
func (h *host) start() (*ready, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	r, err := h.choose(ctx)
	if err != nil {
		return nil, err
	}
	s, err := connect(ctx, r)
	if err != nil {
		return nil, errors.Join(err, r.stop(ctx))
	}
	fmt.Fprintln(h.out, "platformtest:", s.info.Provider)
	return s, nil
}

func connect(ctx context.Context, r *running) (*ready, error) {
	admin, err := sql.Open("postgres", r.dsn)
	if err != nil {
		return nil, fmt.Errorf("read the DSN of the test server: %w", err)
	}
	admin.SetMaxOpenConns(10)
	admin.SetMaxIdleConns(10)
	s := &ready{admin: admin, running: r}
	var version string
	const query = "select current_setting('server_version'), current_setting('server_version_num')::int"
	if err := admin.QueryRowContext(ctx, query).Scan(&version, &s.version); err != nil {
		return nil, errors.Join(fmt.Errorf("ask the test server for its version: %w", err), admin.Close())
	}
	version, _, _ = strings.Cut(version, " ") // Debian adds its own
	s.info = ServerInfo{DSN: r.dsn, Provider: "PostgreSQL " + version + " " + r.origin}
	return s, nil
}

// close ends the server, or says how to when a failed test needs it.
func (h *host) close() {
	h.open.Store(false)
	if h.ready == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := h.ready.admin.Close()
	if h.kept.Load() {
		fmt.Fprintln(h.out, "platformtest:", h.ready.running.keep())
	} else {
		err = errors.Join(err, h.ready.running.stop(ctx))
	}
	if err != nil {
		fmt.Fprintln(h.out, "platformtest: stop the server:", err)
	}
}
