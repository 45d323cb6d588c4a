package platformtest

import (
	"context"
	"testing"
)

// PrivateServer is a server for one test, which may kill it and start it again. Clients reach it at one address all the
// time, through a [Proxy].
type PrivateServer struct {
	running *running
	proxy   *Proxy
}

// NewPrivateServer starts a server in the way that [Server] would, but never takes the one of TEST_DATABASE_URL, which is
// not the test's to kill. It is stopped at the end of the test.
func NewPrivateServer(tb testing.TB) *PrivateServer {
	tb.Helper()
	return shared.private(tb)
}

func (h *host) private(tb testing.TB) *PrivateServer {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	r, err := h.launch(ctx, h.getenv("TEST_POSTGRES_PROVIDER"))
	if err != nil {
		tb.Fatalf("platformtest: no PostgreSQL to test with: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), stopTimeout)
		defer cancel()
		if err := r.stop(ctx); err != nil {
			tb.Errorf("platformtest: stop the private server: %v", err)
		}
	})
	return &PrivateServer{running: r, proxy: NewProxy(tb, target(tb, r.dsn))}
}

func target(tb testing.TB, dsn string) string {
	tb.Helper()
	host, err := Target(dsn)
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	return host
}

// DSN returns the DSN of the maintenance database, as a superuser. It stays the same when the server is killed and started.
func (s *PrivateServer) DSN() string { return s.proxy.DSN(s.running.dsn) }

// Kill ends the server at once, as a crash does, and resets the connections to it.
func (s *PrivateServer) Kill(tb testing.TB) {
	tb.Helper()
	s.proxy.Cut()
	if err := s.running.kill(tb.Context()); err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
}

// Start starts the server that [PrivateServer.Kill] has ended, on the same data, and returns when it answers.
func (s *PrivateServer) Start(tb testing.TB) {
	tb.Helper()
	dsn, err := s.running.revive(tb.Context())
	if err != nil {
		tb.Fatalf("platformtest: %v", err)
	}
	s.proxy.Retarget(target(tb, dsn))
	s.proxy.Restore()
}
