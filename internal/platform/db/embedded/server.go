package embedded

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var (
	// ErrInUse is returned by [Start] when another process runs a server in the directory.
	ErrInUse = errors.Sentinel("the directory is in use")
	// ErrNoBinaries is returned by [Find] when the machine has no usable server binaries.
	ErrNoBinaries = errors.Sentinel("no PostgreSQL server binaries of version 15 or newer")
	// ErrOtherVersion is returned by [Start] when another major version made the data.
	ErrOtherVersion = errors.Sentinel("the data was made by another version of PostgreSQL")
)

var log = logging.For()

// Options configures [Start]. Only Dir is required.
type Options struct {
	// Dir holds the data, the password, the log and the lock. It is created when missing.
	Dir string
	// Log receives events about the directory, downloads and the start. The zero value is the
	// logger of this package.
	Log logging.Logger
	// Settings are server parameters, such as max_connections.
	Settings map[string]string
	// Binaries chooses the server. Nil means those that [Find] finds, preferably of the version of
	// the data, else those that [Download] gets.
	Binaries func(ctx context.Context) (Binaries, error)
	// Scratch makes the first start faster. The data may not survive a crash of the machine.
	Scratch bool
}

// Server is a running PostgreSQL. Make one with [Start]. Its methods are safe for concurrent use.
type Server struct {
	dir      layout
	lock     *os.File
	binaries Binaries
	password string
	port     int
	process  *process
	ended    sync.Once // by Stop or Keep
}

// DSN returns the URL of a database on the server, as its superuser. The database need not exist.
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

// Source describes the binaries in one line.
func (s *Server) Source() string { return s.binaries.String() }

// PID returns the process id of the server.
func (s *Server) PID() int { return s.process.cmd.Process.Pid }

// Done returns a channel that is closed when the server has ended, for any reason. Call Stop in any
// case.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Stop shuts the server down. A fast shutdown ends open sessions and loses no commit. An immediate
// one follows after ten seconds or when ctx ends; then Stop returns an error. A second call does
// nothing.
func (s *Server) Stop(ctx context.Context) error {
	return s.release(func() error { return s.process.stop(ctx) })
}

// Keep lets the server run for a time after the end of this process. It may be ended earlier with
// the signal SIGINT. After Keep, [Server.Stop] does nothing.
func (s *Server) Keep(d time.Duration) error {
	return s.release(func() error { return s.process.tellGuard(strconv.Itoa(int(d.Seconds()))) })
}

// release calls end and releases the directory, the first time.
func (s *Server) release(end func() error) (err error) {
	s.ended.Do(func() { err = errors.Join(end(), release(s.lock)) })
	return err
}

// Start runs a server on the data in o.Dir, which it makes the first time, and returns when the
// server answers. ctx limits the start alone, including a download. Call [Server.Stop] in the end.
//
// It returns [ErrInUse] when another process runs a server there, [ErrNoBinaries] when there is no
// server to run, and [ErrOtherVersion] when the data is of another major version.
func Start(ctx context.Context, o Options) (*Server, error) {
	if !supported {
		return nil, fmt.Errorf("start PostgreSQL on %s: %w: set DATABASE_URL", runtime.GOOS, errors.ErrUnsupported)
	}
	if o.Dir == "" {
		return nil, errors.Sentinel("start PostgreSQL: no directory for its data")
	}
	if o.Log.IsZero() {
		o.Log = log
	}
	dir, err := prepareDir(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &Server{dir: dir, lock: lock}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL in %s: %w", string(dir), err), release(lock))
	}
	o.Log.Info(ctx, "embedded_postgres_started", logging.String("dir", string(dir)),
		logging.String("source", s.Source()), logging.String("version", s.binaries.Version), logging.Int("port", s.port))
	return s, nil
}

// prepareDir returns the directory to use, and logs when it is not the one asked for.
func prepareDir(ctx context.Context, o Options) (layout, error) {
	wanted, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", fmt.Errorf("find the directory: %w", err)
	}
	runAs, err := accountFor(layout(wanted).cluster())
	if err != nil {
		return "", err
	}
	dir, err := makeDir(ctx, wanted, runAs)
	if err != nil {
		return "", err
	}
	if dir != wanted {
		o.Log.Info(ctx, "embedded_postgres_directory_moved", logging.String("dir", dir), logging.String("wanted", wanted),
			logging.String("reason", "PostgreSQL does not run as root, and the user "+runAs.name+" cannot reach the directory"))
	}
	return layout(dir), nil
}

// start is the part of [Start] that needs the lock.
func (s *Server) start(ctx context.Context, o Options) error {
	if err := cleanUp(ctx, s.dir); err != nil {
		return err
	}
	runAs, err := accountFor(s.dir.cluster())
	if err != nil {
		return err
	}
	major, err := dataVersion(s.dir)
	if err != nil {
		return err
	}
	if s.binaries, err = o.binaries(ctx, major); err != nil {
		return err
	}
	switch major {
	case s.binaries.Major():
	case 0:
		if _, err := os.Lstat(s.dir.cluster()); err == nil {
			return fmt.Errorf("%s has no data of PostgreSQL: delete it to begin with an empty database", s.dir.cluster())
		}
		if err := initCluster(ctx, s.dir, s.binaries, runAs, o.Scratch); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: it is of %d, and there is only %s (%s): install PostgreSQL %d, or delete %s and lose the data",
			ErrOtherVersion, major, s.binaries.Version, s.binaries, major, s.dir.cluster())
	}
	if s.password, err = readPassword(s.dir); err != nil {
		return err
	}
	return s.run(ctx, runAs, o.Settings)
}

// binaries returns the server to run. major is the version of the existing data, or zero.
func (o Options) binaries(ctx context.Context, major int) (Binaries, error) {
	if o.Binaries != nil {
		return o.Binaries(ctx)
	}
	found := installed(ctx)
	for _, b := range found {
		if major == 0 || b.Major() == major {
			return b, nil
		}
	}
	version := cmp.Or(versions[major], versions[0])
	o.Log.Info(ctx, "embedded_postgres_downloading", logging.String("version", version))
	b, err := downloadVersion(ctx, version)
	switch {
	case err == nil:
		return b, nil
	case len(found) > 0: // of another version than the data, which start reports
		return found[0], nil
	}
	return Binaries{}, fmt.Errorf("%w on this machine, and the download failed: %w: set DATABASE_URL, "+
		"or install PostgreSQL %d or newer, or start one with Docker", ErrNoBinaries, err, oldest)
}
