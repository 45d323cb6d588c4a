package db_test

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

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// appRole is the role that the pools of these tests act as, since the test databases are reached as superuser.
const appRole = "db_test_role"

const schema = `
	do $$ begin
		create role db_test_role nologin;
	exception when duplicate_object or unique_violation then null;
	end $$;
	create table items (
		id        int  primary key,
		tenant_id uuid,
		name      text check (name <> 'forbidden'),
		amount    smallint not null default 0,
		parent    int references items deferrable initially deferred,
		constraint items_name_key unique (name)
	);
	create table private (tenant_id uuid not null, owner uuid, text text not null);
	alter table private enable row level security;
	alter table private force row level security;
	create policy private_tenant on private
		using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
	create policy private_owner on private for select
		using (owner = (select nullif(current_setting('app.user_id', true), '')::uuid));
	grant usage on schema public to db_test_role;
	grant select, insert, update, delete on items, private to db_test_role;`

// database returns the DSN of an empty database with the schema above.
func database(t testing.TB) string {
	t.Helper()
	return platformtest.Database(t, platformtest.Template{Name: "dbtest", Hash: schema, Prepare: func(ctx context.Context, dsn string) error {
		admin, err := sql.Open("postgres", dsn)
		if err != nil {
			return err
		}
		defer func() { _ = admin.Close() }()
		_, err = admin.ExecContext(ctx, schema)
		return err
	}})
}

// superuser returns a pool of the standard library on the same database, for statements that need a superuser.
func superuser(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	admin, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	return admin
}

func settings(dsn string) db.Config {
	return db.Config{
		Base: config.Base{AppName: "db-test", Environment: config.Testing},
		URL:  config.Secret(dsn), PoolSize: 4, PoolTimeout: 5 * time.Second, PoolRecycle: time.Hour, CommandTimeout: 30 * time.Second,
	}
}

// open returns a pool on the database behind dsn that acts as [appRole].
func open(t testing.TB, dsn string, change ...func(*db.Config, *db.Options)) *db.Pool {
	t.Helper()
	cfg, options := settings(dsn), db.Options{Role: appRole, ActAs: true, Log: quiet(t)}
	for _, f := range change {
		f(&cfg, &options)
	}
	pool, err := db.Open(t.Context(), cfg, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// recorder collects log lines.
type recorder struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func newRecorder(t testing.TB) (*recorder, logging.Logger) {
	t.Helper()
	r := &recorder{}
	core, err := logging.NewCore(logging.Options{App: "test", Environment: "testing", Level: "debug", Output: r})
	require.NoError(t, err)
	return r, logging.New(core, "db")
}

// quiet returns a logger whose output is discarded.
func quiet(t testing.TB) logging.Logger {
	t.Helper()
	_, log := newRecorder(t)
	return log
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

// events returns the lines with this event.
func (r *recorder) events(t testing.TB, event string) (list []map[string]any) {
	t.Helper()
	for line := range bytes.Lines([]byte(r.String())) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields))
		if fields["event"] == event {
			list = append(list, fields)
		}
	}
	return list
}

func count(ctx context.Context, t testing.TB, pool *db.Pool, table string) int {
	t.Helper()
	n, err := db.One[int](ctx, pool, "select count(*) from "+table)
	require.NoError(t, err)
	return n
}

func newID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return id
}
