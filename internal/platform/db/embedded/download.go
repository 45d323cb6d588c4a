package embedded

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	defaultRepository      = "https://repo1.maven.org/maven2"
	defaultDownloadTimeout = 10 * time.Minute
)

// versions are those that can be downloaded for a major version.
var versions = map[int]string{
	15: string(embeddedpostgres.V15),
	16: string(embeddedpostgres.V16),
	17: string(embeddedpostgres.V17),
	18: string(embeddedpostgres.V18),
}

// DownloadOptions configures [Download]. The zero value is usable.
type DownloadOptions struct {
	Dir        string        // where binaries are kept; empty means a directory in the user's cache
	Repository string        // base URL of a Maven repository; empty means Maven Central
	Version    string        // as the repository names it, "17.5.0"; empty means a recent one
	Timeout    time.Duration // of the whole download; zero means 10 minutes. One that stands still ends after 30 seconds
}

func (o DownloadOptions) version() string {
	if o.Version == "" {
		return versions[17]
	}
	return o.Version
}

// Download returns server binaries from the cache, or gets them from a Maven repository first, which happens once for a
// version and a user. HTTPS_PROXY and its like are honoured. Processes that download at the same time do not disturb each
// other.
func Download(ctx context.Context, o DownloadOptions) (Binaries, error) {
	cache, err := o.cache()
	if err != nil {
		return Binaries{}, err
	}
	target := filepath.Join(cache, "postgresql-"+o.version())
	if b, err := Inspect(ctx, filepath.Join(target, "bin")); err == nil {
		b.Downloaded = true
		return b, nil
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultDownloadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	return o.fetch(ctx, cache, target)
}

// fetch unpacks beside the target and renames, so that the target is complete or missing.
func (o DownloadOptions) fetch(ctx context.Context, cache, target string) (b Binaries, err error) {
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return Binaries{}, fmt.Errorf("make a directory for the download: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	unpacked := filepath.Join(work, "postgresql")
	if err := o.unpack(ctx, work, unpacked); err != nil {
		return Binaries{}, fmt.Errorf("download PostgreSQL %s: %w", o.version(), err)
	}
	// What is there does not start, or another process has just been faster: then the two are the same.
	if err := os.RemoveAll(target); err != nil {
		return Binaries{}, fmt.Errorf("remove the unusable binaries: %w", err)
	}
	if err := os.Rename(unpacked, target); err != nil && !errors.Is(err, os.ErrExist) {
		return Binaries{}, fmt.Errorf("move the binaries into place: %w", err)
	}
	b, err = Inspect(ctx, filepath.Join(target, "bin"))
	b.Downloaded = true
	return b, err
}

// unpack uses the library up to where it has unpacked the archive, and no further: it would start a server that outlives a
// crash of this process, and not as root. A data directory below a file is what stops it there. The library takes no context
// and has no timeouts, so it talks to a relay, which has both.
func (o DownloadOptions) unpack(ctx context.Context, work, to string) error {
	relay, err := newRelay(ctx, o.repository())
	if err != nil {
		return err
	}
	defer relay.close()
	file := filepath.Join(work, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return fmt.Errorf("prepare the download: %w", err)
	}
	err = embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.PostgresVersion(o.version())).
		BinaryRepositoryURL(relay.url).
		CachePath(work).
		RuntimePath(to).
		DataPath(filepath.Join(file, "data")).
		Port(0).
		Logger(io.Discard)).Start()
	if _, unusable := Inspect(ctx, filepath.Join(to, "bin")); unusable != nil {
		return errors.Join(ctx.Err(), relay.failure(), err, unusable)
	}
	return nil
}

func (o DownloadOptions) repository() string {
	if o.Repository == "" {
		return defaultRepository
	}
	return o.Repository
}

// cache returns a directory that exists and that the user of the server can reach.
func (o DownloadOptions) cache() (string, error) {
	dir := o.Dir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir()
		}
		dir = filepath.Join(base, "embedded-postgres")
	}
	runner, err := accountFor("")
	if err != nil {
		return "", err
	}
	placed, err := place(dir, runner)
	if err != nil { // a user without a home
		return placeInTemp(dir, runner)
	}
	return placed, nil
}
