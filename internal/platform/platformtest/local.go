package platformtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// keptFor is how long what a failed test has kept stays.
const keptFor = 2 * time.Hour

// localPrefix begins the names of the data directories, by which a later run finds kept ones.
const localPrefix = "platformtest-postgres-"

// settings of a server whose data is worth nothing after the tests. They save most of the time that a commit takes. What
// is committed still outlives the server's processes, if not the machine, so tests may kill them.
var settings = map[string]string{
	"fsync":            "off",
	"full_page_writes": "off",
	"max_connections":  "300",
}

func startBinaries(ctx context.Context) (*running, error) { return startLocal(ctx, embedded.Find) }

func startDownload(ctx context.Context) (*running, error) {
	return startLocal(ctx, func(ctx context.Context) (embedded.Binaries, error) {
		return embedded.Download(ctx, embedded.DownloadOptions{})
	})
}

// startLocal runs server binaries on a data directory of their own.
func startLocal(ctx context.Context, locate func(context.Context) (embedded.Binaries, error)) (*running, error) {
	if err := sweepLocal(ctx, os.TempDir()); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", localPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a data directory: %w", err)
	}
	options := embedded.Options{Dir: dir, Binaries: locate, Settings: settings, Scratch: true, Detachable: true}
	s, err := embedded.Start(ctx, options)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	origin := "from " + s.Source()
	if strings.HasPrefix(s.Source(), "downloaded") {
		origin = "(downloaded)"
	}
	return &running{
		dsn:    s.DSN("postgres"),
		origin: origin,
		stop:   func(ctx context.Context) error { return errors.Join(s.Stop(ctx), os.RemoveAll(dir)) },
		keep: func() string {
			if err := s.Detach(); err != nil {
				return "the server ends with this process: " + err.Error()
			}
			return fmt.Sprintf("the server is kept for its databases, end it with: kill -INT %d && rm -r %s", s.PID(), dir)
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
				_ = s.Stop(ctx) // gives the directory back; that the server has ended badly is what was asked for
				return nil
			case <-ctx.Done():
				return fmt.Errorf("wait for the end of the server: %w", ctx.Err())
			}
		},
		revive: func(ctx context.Context) (string, error) {
			again, err := embedded.Start(ctx, options)
			if err != nil {
				return "", err
			}
			s = again
			return s.DSN("postgres"), nil
		},
	}, nil
}

// sweepLocal stops and removes what earlier runs have kept for long enough.
func sweepLocal(ctx context.Context, tmp string) error {
	dirs, err := filepath.Glob(filepath.Join(tmp, localPrefix+"*"))
	if err != nil {
		return fmt.Errorf("look for kept servers: %w", err)
	}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < keptFor {
			continue
		}
		// Another user's, or still in use by a very long run: not ours to remove.
		_ = embedded.Destroy(ctx, dir)
	}
	return nil
}
