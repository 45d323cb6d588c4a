package db

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Other replicas that migrate at the same time wait their turn, asking once a second, for up to five minutes.
const (
	lockEverySeconds = 1
	lockTries        = 300
)

// Migrator applies the numbered SQL files of a file system, in goose's format. Several that run at once, on one machine or
// many, take turns by an advisory lock of the database, so each file is applied once.
type Migrator struct {
	db       *sql.DB
	provider *goose.Provider
	log      logging.Logger
}

// NewMigrator returns a Migrator for the database of cfg. It waits for the server like [Open], and connects as the role
// of the DSN, which must own the schema, without a time limit for statements. A zero log
// means the package's own. Close it after use.
func NewMigrator(ctx context.Context, cfg Config, files fs.FS, log logging.Logger) (*Migrator, error) {
	log = own(log)
	c, err := newConnector(cfg.URL.Reveal(), connectorOptions{appName: cfg.AppName + "-migrate", observer: observer{log: log}})
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEverySeconds, lockTries))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the migration lock: %w", err), db.Close())
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	if err := wait(ctx, db, log); err != nil {
		log.Error(ctx, "pool_initialization_failed", logging.Err(err))
		return nil, errors.Join(err, db.Close())
	}
	return &Migrator{db: db, provider: provider, log: log}, nil
}

// Close closes the connections.
func (m *Migrator) Close() error { return m.db.Close() }

// Up applies what is pending. Each file is a transaction of its own, unless it says otherwise; the ones before a failure
// stay applied.
func (m *Migrator) Up(ctx context.Context) error {
	results, err := m.provider.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
		err = fmt.Errorf("migration %s: %w", partial.Failed.Source.Path, describe(partial.Err))
	}
	for _, r := range results {
		m.applied(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("apply the migrations: %w", describe(err))
	}
	return nil
}

// Down undoes the newest migration that is applied. With none applied it does nothing.
func (m *Migrator) Down(ctx context.Context) error {
	result, err := m.provider.Down(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("undo a migration: %w", describe(err))
	}
	m.applied(ctx, result)
	return nil
}

func (m *Migrator) applied(ctx context.Context, r *goose.MigrationResult) {
	m.log.Info(ctx, "migration_applied", logging.Int64("version", r.Source.Version), logging.String("name", r.Source.Path),
		logging.String("direction", r.Direction), logging.Duration("duration_ms", r.Duration))
}

// Migration is one file and whether it is applied.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Status returns every migration in order.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	status, err := m.provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the migration status: %w", describe(err))
	}
	list := make([]Migration, len(status))
	for i, s := range status {
		list[i] = Migration{Version: s.Source.Version, Name: s.Source.Path, Applied: s.State == goose.StateApplied}
	}
	return list, nil
}

// Version returns the version of the schema, zero before the first migration.
func (m *Migrator) Version(ctx context.Context) (int64, error) {
	v, err := m.provider.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", describe(err))
	}
	return v, nil
}

// Latest returns the version that the newest of files leads to, zero for no files.
func Latest(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list the migrations: %w", err)
	}
	var latest int64
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("read the number of migration %s: %w", name, err)
		}
		latest = max(latest, v)
	}
	return latest, nil
}
