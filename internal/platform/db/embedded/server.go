package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Server is a running PostgreSQL. Make one with [Start]. Its methods are safe for concurrent use.
type Server struct {
	dir         layout
	lock        *os.File
	binaries    Binaries
	password    string
	port        int
	stopTimeout time.Duration
	process     *process

	mu       sync.Mutex
	stopped  bool
	detached bool
}

// DSN returns the URL of a database on the server, as its superuser. The database may not exist yet.
func (s *Server) DSN(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Source says in one line which binaries are used.
func (s *Server) Source() string { return s.binaries.String() }

// Version returns the version of the server, such as 17.5.
func (s *Server) Version() string { return s.binaries.Version }

// Dir returns the directory in use, which is not the one asked for when the user of the server cannot reach that.
func (s *Server) Dir() string { return string(s.dir) }

// PID returns the process id of the server.
func (s *Server) PID() int { return s.process.cmd.Process.Pid }

// Done returns a channel that is closed when the server has ended, by itself or by [Server.Stop]. Call Stop in both cases.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Err returns nil while the server runs and after [Server.Stop], and the end of its log when it has ended by itself.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.process.done:
		if !s.stopped {
			return s.explain()
		}
	default:
	}
	return nil
}

// EnsureDatabase creates the database unless it is there.
func (s *Server) EnsureDatabase(ctx context.Context, name string) (err error) {
	db, err := sql.Open("postgres", s.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("open the server: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, "create database "+pq.QuoteIdentifier(name))
	if refusal, ok := errors.AsType[*pq.Error](err); ok && refusal.Code == "42P04" { // duplicate_database
		return nil
	}
	if err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// Stop shuts the server down: fast, which ends open sessions and loses nothing that was committed; after the stop timeout, or
// when ctx ends first, at once. The error says when it was not the fast shutdown that ended it. A second call does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.detached {
		return nil
	}
	s.stopped = true
	return errors.Join(s.terminate(ctx), release(s.lock))
}

// Detach lets the server run on when this process ends, until somebody sends it the signal SIGINT. It needs
// [Options.Detachable]. Afterwards [Server.Stop] does nothing.
func (s *Server) Detach() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.detached {
		return nil
	}
	if s.process.guard == nil {
		return errors.Sentinel("the server was not started as detachable")
	}
	s.detached = true
	return errors.Join(s.process.guard.dismiss(), release(s.lock))
}

// terminate ends the process, more rudely with time.
func (s *Server) terminate(ctx context.Context) error {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{fastShutdown, s.stopTimeout}, {immediateShutdown, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	var err error
	for i, step := range steps {
		if i > 0 {
			err = fmt.Errorf("the server did not shut down in time and was ended by signal %q: the next start recovers", step.signal)
			ctx = context.WithoutCancel(ctx)
		}
		_ = send(s.PID(), step.signal) // it may have ended already
		if s.ended(ctx, step.wait) {
			break
		}
	}
	return errors.Join(err, s.process.guard.dismiss())
}

func (s *Server) ended(ctx context.Context, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-s.process.done:
		return true
	case <-ctx.Done():
		return false
	case <-timer.C:
		return false
	}
}
