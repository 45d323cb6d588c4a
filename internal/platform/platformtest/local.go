package platformtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	keepTime   = 2 * time.Hour  // of a server that a failed test has kept
	removeTime = 24 * time.Hour // of its data, long after the server has ended

	localPrefix = "platformtest-postgres-" // of the data directories
)

// settings are for a server whose data has no value after the tests. They save most of the time of
// a commit. Committed data survives a kill of the server, which tests do, but not a crash of the
// machine.
var settings = map[string]string{
	"fsync":            "off",
	"full_page_writes": "off",
	"max_connections":  "300",
}

// startLocal runs server binaries on a new data directory.
func startLocal(ctx context.Context, binaries func(context.Context) (embedded.Binaries, error)) (*server, error) {
	removeOldData(os.TempDir())
	dir, err := os.MkdirTemp("", localPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a data directory: %w", err)
	}
	options := embedded.Options{Dir: dir, Binaries: binaries, Settings: settings, Scratch: true}
	s, err := embedded.Start(ctx, options)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &server{
		dsn:    s.DSN("postgres"),
		origin: "from " + s.Source(),
		stop:   func(ctx context.Context) error { return errors.Join(s.Stop(ctx), os.RemoveAll(dir)) },
		keep: func() string {
			if err := s.Keep(keepTime); err != nil {
				return "the server ends with this process: " + err.Error()
			}
			return fmt.Sprintf("the server is kept for its databases, for %v; end it with: kill -INT %d && rm -r %s",
				keepTime, s.PID(), dir)
		},
		kill: func(ctx context.Context) error {
			process, err := os.FindProcess(s.PID())
			if err == nil {
				err = process.Kill()
			}
			if err != nil {
				return fmt.Errorf("kill the server: %w", err)
			}
			select {
			case <-s.Done():
				_ = s.Stop(ctx) // releases the directory
				return nil
			case <-ctx.Done():
				return fmt.Errorf("wait for the end of the server: %w", ctx.Err())
			}
		},
		restart: func(ctx context.Context) (string, error) {
			again, err := embedded.Start(ctx, options)
			if err != nil {
				return "", err
			}
			s = again
			return s.DSN("postgres"), nil
		},
	}, nil
}

// removeOldData removes the directories that failed and killed runs have left in a directory.
func removeOldData(tmp string) {
	entries, _ := os.ReadDir(tmp)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), localPrefix) && time.Since(info.ModTime()) > removeTime {
			_ = os.RemoveAll(filepath.Join(tmp, entry.Name())) // it may be of another user
		}
	}
}

// PrivateServer is a server for one test, which may kill and restart it. Its address never changes,
// because clients connect through a [Proxy].
type PrivateServer struct {
	server *server
	proxy  *Proxy
}

// NewPrivateServer starts a server as [Database] does, but never uses TEST_DATABASE_URL, because a
// test may not kill that server. It is stopped at the end of the test.
func NewPrivateServer(tb testing.TB) *PrivateServer {
	tb.Helper()
	return shared.private(tb)
}

func (h *harness) private(tb testing.TB) *PrivateServer {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	s, err := h.startProvider(ctx, h.getenv("TEST_POSTGRES_PROVIDER"))
	if err != nil {
		tb.Fatalf("platformtest: no PostgreSQL to test with: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), stopTimeout)
		defer cancel()
		if err := s.stop(ctx); err != nil {
			tb.Errorf("platformtest: stop the private server: %v", err)
		}
	})
	return &PrivateServer{server: s, proxy: NewProxy(tb, Target(tb, s.dsn))}
}

// DSN returns the URL of the database postgres, as a superuser. A restart does not change it.
func (s *PrivateServer) DSN() string { return s.proxy.DSN(s.server.dsn) }

// Kill ends the server like a crash and resets its connections.
func (s *PrivateServer) Kill(tb testing.TB) {
	tb.Helper()
	s.proxy.Cut()
	if err := s.server.kill(tb.Context()); err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
}

// Start restarts a killed server on the same data and returns when it answers.
func (s *PrivateServer) Start(tb testing.TB) {
	tb.Helper()
	dsn, err := s.server.restart(tb.Context())
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	s.proxy.Retarget(Target(tb, dsn))
	s.proxy.Restore()
}

// Target returns the host and port of a PostgreSQL URL, for [NewProxy]. It fails the test for
// another DSN.
func Target(tb testing.TB, dsn string) string {
	tb.Helper()
	u := mustParseURL(tb, dsn)
	if u.Port() == "" {
		tb.Fatalf("platformtest: the DSN is a URL without a port")
	}
	return u.Host
}

// As returns a PostgreSQL URL with another user and password. It fails the test for another DSN.
func As(tb testing.TB, dsn, user, password string) string {
	tb.Helper()
	u := mustParseURL(tb, dsn)
	u.User = url.UserPassword(user, password)
	return u.String()
}

func mustParseURL(tb testing.TB, dsn string) *url.URL {
	tb.Helper()
	u, err := parseURL(dsn)
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	return u
}

// parseURL parses a PostgreSQL URL. Its error is without the DSN, which has a password.
func parseURL(dsn string) (*url.URL, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.Sentinel("the DSN is not a URL such as postgres://postgres@localhost:5432/postgres")
	}
	return u, nil
}
