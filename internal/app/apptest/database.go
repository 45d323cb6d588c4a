package apptest

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

// Migrated is a database with the schema of this build.
var Migrated = platformtest.Template{Name: "app", Hash: migrations.Hash(), Prepare: func(ctx context.Context, dsn string) error {
	m, err := db.NewMigrator(ctx, Settings(dsn), migrations.Files, logging.For())
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}}

// Role is the role that the service acts as. Row security holds for it.
const Role = "app_role"

// Settings are those of a pool to the database of a test.
func Settings(dsn string) db.Config {
	return db.Config{
		Base: config.Base{AppName: "apptest", Environment: config.Testing},
		URL:  config.Secret(dsn), PoolSize: 8, PoolTimeout: 20 * time.Second, PoolRecycle: time.Hour, CommandTimeout: 30 * time.Second,
	}
}

// Database is a migrated database for one test alone.
type Database struct {
	DSN       string   // as superuser
	Pool      *db.Pool // as the service has it
	Superuser *sql.DB  // past row security, for what no service does
}

// NewDatabase returns a database, which goes with the test.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	dsn := platformtest.Database(t, Migrated)
	return &Database{DSN: dsn, Pool: Pool(t, dsn), Superuser: Superuser(t, dsn)}
}

// Pool returns a pool that acts as [Role], for another replica of the service, or for one behind a proxy.
func Pool(t testing.TB, dsn string) *db.Pool {
	t.Helper()
	pool, err := db.Open(t.Context(), Settings(dsn), db.Options{Role: Role, Log: logging.For()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// Superuser returns a pool that acts as whoever the DSN says, past row security.
func Superuser(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// Exec runs a statement as superuser.
func (d *Database) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := d.Superuser.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// Count returns the one number that a query yields, as superuser.
func (d *Database) Count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, d.Superuser.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}
