package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq/pqerror"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Other replicas that migrate at the same time ask for the lock once a second, for up to five
// minutes.
const (
	lockEverySeconds = 1
	lockTries        = 300
)

// lockTimeout limits how long a statement of a migration waits for a lock, because everything else
// that needs the table waits behind it. A lock_timeout in the DSN or in the file takes precedence.
const lockTimeout = 5 * time.Second

// Migrator applies the numbered SQL files of a file system, in goose's format. An advisory lock of
// the database makes concurrent runs wait, on one machine or many, so each file is applied once.
type Migrator struct {
	db       *sqlx.DB
	provider *goose.Provider
	files    fs.FS
	log      logging.Logger
}

// NewMigrator returns a Migrator for the database of cfg. It waits for the server like [Open], and
// connects as the role of the DSN, which must own the schema, without a limit for statements. A
// zero logger means that of this package. Close it after use.
func NewMigrator(ctx context.Context, cfg Config, files fs.FS, log logging.Logger) (*Migrator, error) {
	log = orDefault(log)
	cfg.CommandTimeout = 0 // a migration may take long
	c, err := newConnector(ctx, cfg, "-migrate", log)
	if err != nil {
		return nil, err
	}
	if _, ok := c.cfg.Runtime["lock_timeout"]; !ok {
		c.cfg.Runtime["lock_timeout"] = strconv.FormatInt(lockTimeout.Milliseconds(), 10)
	}
	db := sql.OpenDB(c)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEverySeconds, lockTries))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the migration lock: %w", err), db.Close())
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	if err := wait(ctx, db, cfg, maxWait, log); err != nil {
		return nil, errors.Join(openFailed(ctx, log, err), db.Close())
	}
	return &Migrator{sqlx.NewDb(db, "postgres"), provider, files, log}, nil
}

// Close closes the connections.
func (m *Migrator) Close() error { return m.db.Close() }

// Up applies the pending files. Each file is one transaction unless it says otherwise. Files before
// a failed one stay applied. Nothing is applied if [Migrator.Pending] returns an error.
func (m *Migrator) Up(ctx context.Context) error {
	if _, err := m.Pending(ctx); err != nil {
		return err
	}
	results, err := m.provider.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
		err = fmt.Errorf("migration %s: %w", partial.Failed.Source.Path, describe(partial.Err))
	}
	for _, r := range results {
		m.applied(ctx, r)
	}
	if err = errors.Join(err, m.recordChecksums(ctx)); err != nil {
		return fmt.Errorf("apply the migrations: %w", describe(err))
	}
	return nil
}

// Pending returns the files that Up would apply. It changes nothing. The error names the files that
// were changed after they had been applied: databases with either version would differ.
func (m *Migrator) Pending(ctx context.Context) (pending []Migration, err error) {
	list, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, one := range list {
		if !one.Applied {
			pending = append(pending, one)
		}
		if one.Changed {
			errs = append(errs, fmt.Errorf("migration %s was changed after it had been applied: undo the change and add a "+
				"file for it, or, if this database has the change already, run: "+
				"update goose_db_version set checksum = null where version_id = %d", one.Name, one.Version))
		}
	}
	return pending, errors.Join(errs...)
}

// Down undoes the newest applied migration, if any.
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

// CheckPrivileges returns an error that names the tables of the search path on which role has no
// privilege, and the statement that helps. It finds a migration that grants nothing on its table.
func (m *Migrator) CheckPrivileges(ctx context.Context, role string) error {
	return checkPrivileges(ctx, m.db.DB, role, true)
}

// checkPrivileges ignores tables without any grant unless all is true.
func checkPrivileges(ctx context.Context, db *sql.DB, role string, all bool) error {
	var tables sql.NullString
	err := db.QueryRowContext(ctx, `
		select string_agg(t.oid::regclass::text, ', ' order by t.oid) from pg_class t join pg_roles r on r.rolname = $1
		where t.relkind in ('r', 'p') and t.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
		and pg_table_is_visible(t.oid) and (t.relacl is not null or $2)
		and not has_any_column_privilege(r.oid, t.oid, 'select, insert, update')`, role, all).Scan(&tables)
	switch {
	case err != nil:
		return fmt.Errorf("check the privileges of %s: %w", role, mapError(ctx, err))
	case tables.Valid:
		return errors.Unavailable(fmt.Errorf("%s has no privileges on the tables %s: run: "+
			"grant select, insert, update, delete on %[2]s to %[1]s", role, tables.String), "", retryAfter)
	}
	return nil
}

func (m *Migrator) applied(ctx context.Context, r *goose.MigrationResult) {
	m.log.Info(ctx, "migration_applied", logging.Int64("version", r.Source.Version), logging.String("name", r.Source.Path),
		logging.String("direction", r.Direction), logging.Duration("duration_ms", r.Duration))
}

// Migration is the state of one file.
type Migration struct {
	Version int64
	Name    string
	Applied bool
	Changed bool // after it was applied
}

// Status returns every migration in order. It changes nothing.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	recorded, err := m.recorded(ctx)
	if err != nil {
		return nil, err
	}
	list := []Migration{}
	for _, s := range m.provider.ListSources() {
		sum, applied := recorded[s.Version]
		list = append(list, Migration{s.Version, s.Path, applied, sum != "" && sum != m.checksum(s.Path)})
	}
	return list, nil
}

// Version returns the version of the schema, zero before the first migration.
func (m *Migrator) Version(ctx context.Context) (int64, error) {
	recorded, err := m.recorded(ctx)
	return slices.Max(append(slices.Collect(maps.Keys(recorded)), 0)), err
}

// recorded returns the checksums of the applied files by version, empty for those that were applied
// without one.
func (m *Migrator) recorded(ctx context.Context) (map[int64]string, error) {
	var rows []struct {
		Version  int64
		Checksum string
	}
	// As JSON, because the table may lack the column.
	err := m.db.SelectContext(ctx, &rows, `
		select version_id as version, coalesce(to_jsonb(v) ->> 'checksum', '') as checksum
		from goose_db_version v where is_applied`)
	if err != nil && SQLState(err) != string(pqerror.UndefinedTable) {
		return nil, fmt.Errorf("read the schema version: %w", describe(err))
	}
	recorded := map[int64]string{}
	for _, r := range rows {
		recorded[r.Version] = r.Checksum
	}
	return recorded, nil
}

// recordChecksums stores the checksums of applied files that have none.
func (m *Migrator) recordChecksums(ctx context.Context) error {
	recorded, err := m.recorded(ctx)
	if err != nil {
		return err
	}
	var updates strings.Builder
	for _, s := range m.provider.ListSources() {
		if sum, applied := recorded[s.Version]; applied && sum == "" {
			fmt.Fprintf(&updates, "; update goose_db_version set checksum = '%s' where version_id = %d",
				m.checksum(s.Path), s.Version)
		}
	}
	if updates.Len() > 0 {
		_, err = m.db.ExecContext(ctx, "alter table goose_db_version add column if not exists checksum text"+updates.String())
	}
	return describe(err)
}

// uncounted matches what may change in an applied file: lines with a comment only, and the parts
// that scripts/delete removes.
var uncounted = regexp.MustCompile(`(?m)^[ \t]*-- part:[a-z]+ begin$(?s:.*?)-- part:[a-z]+ end$` +
	`|^.* -- part:[a-z]+$|^[ \t]*--(?: [^+].*)?$`)

// checksum returns a hash of the statements of a file, whatever the space between their words.
func (m *Migrator) checksum(name string) string {
	text, _ := fs.ReadFile(m.files, name) // goose has read it before
	text = bytes.Join(bytes.Fields(uncounted.ReplaceAllLiteral(text, nil)), []byte(" "))
	return fmt.Sprintf("%x", sha256.Sum256(text))
}
