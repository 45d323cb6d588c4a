package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Start runs a server on the data in o.Dir and returns when it answers; the first time it makes the data. Ctx bounds the start
// alone, a download included. Call [Server.Stop] in the end.
//
// It fails with [ErrInUse] when another process runs a server there, with [ErrNoBinaries] when there is no server to run, and
// with [ErrOtherVersion] when the data is of another major version.
func Start(ctx context.Context, o Options) (*Server, error) {
	if !supported {
		return nil, fmt.Errorf("start PostgreSQL on %s: %w: set DATABASE_URL", runtime.GOOS, errors.ErrUnsupported)
	}
	if o.Dir == "" {
		return nil, errors.Sentinel("start PostgreSQL: no directory for its data")
	}
	o = o.withDefaults()
	dir, err := settle(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &Server{dir: dir, lock: lock, stopTimeout: o.StopTimeout}
	if err := s.boot(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL in %s: %w", string(dir), err), release(lock))
	}
	o.Log.Info(ctx, "embedded_postgres_started", logging.String("dir", string(dir)),
		logging.String("source", s.Source()), logging.String("version", s.binaries.Version), logging.Int("port", s.port))
	return s, nil
}

// settle returns the directory to use, and tells when it is another than the one asked for.
func settle(ctx context.Context, o Options) (layout, error) {
	runner, err := accountFor(layout(o.Dir).cluster())
	if err != nil {
		return "", err
	}
	dir, err := place(o.Dir, runner)
	if err != nil {
		return "", err
	}
	if wanted, err := filepath.Abs(o.Dir); err == nil && wanted != dir {
		o.Log.Info(ctx, "embedded_postgres_directory_moved", logging.String("dir", dir), logging.String("wanted", wanted),
			logging.String("reason", "PostgreSQL does not run as root, and the user "+runner.name+" cannot reach the directory"))
	}
	return layout(dir), nil
}

// boot is the part of the start that needs the lock.
func (s *Server) boot(ctx context.Context, o Options) error {
	if err := clearLeftovers(ctx, s.dir); err != nil {
		return err
	}
	runner, err := accountFor(s.dir.cluster())
	if err != nil {
		return err
	}
	major, err := majorOf(s.dir)
	if err != nil {
		return err
	}
	if s.binaries, err = o.locate(ctx, major); err != nil {
		return err
	}
	switch major {
	case s.binaries.Major():
	case 0:
		if _, err := os.Lstat(s.dir.cluster()); err == nil {
			return fmt.Errorf("%s holds no data of PostgreSQL: delete it to start anew", s.dir.cluster())
		}
		if err := initCluster(ctx, s.dir, s.binaries, runner, o.Scratch); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: it is of %d, and there is only %s (%s): install PostgreSQL %d, or delete %s and lose the data",
			ErrOtherVersion, major, s.binaries.Version, s.binaries, major, s.dir.cluster())
	}
	if s.password, err = readPassword(s.dir); err != nil {
		return err
	}
	return s.run(ctx, runner, o)
}
