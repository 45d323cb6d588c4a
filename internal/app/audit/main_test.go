package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

var migrated = platformtest.Template{Name: "audit", Hash: migrations.Hash(), Prepare: func(ctx context.Context, dsn string) error {
	m, err := db.NewMigrator(ctx, settings(dsn), migrations.Files, logging.For())
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}}

func settings(dsn string) db.Config {
	return db.Config{
		Base: config.Base{AppName: "audit-test", Environment: config.Testing},
		URL:  config.Secret(dsn), PoolSize: 8, PoolTimeout: 20 * time.Second, PoolRecycle: time.Hour, CommandTimeout: 30 * time.Second,
	}
}

// lines is a log that a test can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// of returns the lines with this event.
func (l *lines) of(t testing.TB, event string) (list []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.buf.Bytes()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields))
		if fields["event"] == event {
			list = append(list, fields)
		}
	}
	return list
}

// fixture is a recorder on a database of its own.
type fixture struct {
	*audit.Recorder
	pool  *db.Pool
	admin *sql.DB // the database as superuser, for what no service does
	log   *lines
}

func newFixture(t testing.TB, sinks ...audit.Sink) *fixture {
	t.Helper()
	dsn := platformtest.Database(t, migrated)
	pool, err := db.Open(t.Context(), settings(dsn), db.Options{Role: "app_role", Log: logging.For()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	admin, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	f := &fixture{Recorder: audit.NewRecorder(pool, sinks...), pool: pool, admin: admin, log: &lines{}}
	core, err := logging.NewCore(logging.Options{App: "test", Environment: "testing", Level: "debug", Output: f.log})
	require.NoError(t, err)
	f.LogTo(logging.New(core, "app/audit"))
	return f
}

// as returns the ctx of a request of a new user in a tenant.
func as(ctx context.Context, tenant uuid.UUID) (context.Context, auth.Principal) {
	p := auth.Principal{UserID: uuid.New(), TenantID: tenant, SessionID: uuid.New()}
	return db.WithUser(db.WithTenant(auth.WithPrincipal(ctx, p), tenant), p.UserID), p
}

// record records entries in one transaction of the tenant of ctx.
func (f *fixture) record(ctx context.Context, t testing.TB, entries ...audit.Entry) {
	t.Helper()
	require.NoError(t, f.pool.InTenant(ctx, func(ctx context.Context) error {
		for _, e := range entries {
			if err := f.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (f *fixture) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, f.admin.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

func (f *fixture) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := f.admin.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}
