//go:build linux

package benchmarks_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const (
	setTenant = `select set_config('app.tenant_id', $1, true)`
	readName  = `select name from items where id = $1`
)

// reads are ways to read one row of a tenant below row security, each on one connection of its own.
type reads struct {
	dsn    string
	admin  *sql.DB // one connection
	tenant uuid.UUID
	ways   map[string]func() error
}

// newReads starts a server with a table of 1,000 rows.
func newReads(tb testing.TB) reads {
	tb.Helper()
	core, err := logging.NewCore(logging.Options{Level: "error"})
	require.NoError(tb, err)
	log := logging.New(core, "benchmarks")
	dir, err := os.MkdirTemp("", "benchmarks-") // the server's user passes it, unlike tb.TempDir
	require.NoError(tb, err)
	server, err := embedded.Start(tb.Context(), embedded.Options{Dir: dir, Binaries: embedded.Find, Scratch: true, Log: log})
	require.NoError(tb, err)
	tb.Cleanup(func() {
		assert.NoError(tb, server.Stop(context.Background()))
		_ = os.RemoveAll(dir)
	})
	r := reads{dsn: server.DSN("postgres"), tenant: uuid.New()}
	r.admin, err = sql.Open("postgres", r.dsn)
	require.NoError(tb, err)
	r.admin.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = r.admin.Close() })
	_, err = r.admin.Exec(`
		create role reader nologin;
		create table items (id int primary key, tenant_id uuid not null, name text not null);
		alter table items enable row level security;
		create policy items_tenant on items using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
		grant select on items to reader;
		insert into items select i, '` + r.tenant.String() + `', 'name' from generate_series(1, 1000) i;
		analyze`)
	require.NoError(tb, err)
	r.ways = map[string]func() error{
		"this": r.this(tb, log, readOne), "transaction": r.this(tb, log, inTenant),
		"lib_pq": r.libPQ(tb), "pgx": r.pgx(tb), "pgx_batch": r.batch(tb),
	}
	return r
}

func check(name string, err error) error {
	if err == nil && name != "name" {
		err = fmt.Errorf("read %q", name)
	}
	return err
}

// this reads through this package, in a transaction of several messages or in one message.
func (r reads) this(tb testing.TB, log logging.Logger, read func(context.Context, *db.Pool) (string, error)) func() error {
	tb.Helper()
	pool, err := db.Open(tb.Context(), db.Config{
		URL: config.Secret(r.dsn), PoolSize: 1, PoolTimeout: time.Minute, PoolRecycle: time.Hour,
	}, db.Options{Role: "reader", ActAs: true, Log: log})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = pool.Close() })
	ctx := db.WithTenant(context.Background(), r.tenant)
	return func() error { return check(read(ctx, pool)) }
}

func readOne(ctx context.Context, pool *db.Pool) (string, error) {
	return db.ReadOne[string](ctx, pool, readName, 7)
}

func inTenant(ctx context.Context, pool *db.Pool) (string, error) {
	return db.InTenant(ctx, pool, func(ctx context.Context) (string, error) {
		return db.One[string](ctx, pool, readName, 7)
	})
}

func (r reads) open(tb testing.TB) *sql.DB {
	tb.Helper()
	pool, err := sql.Open("postgres", r.dsn+"&role=reader")
	require.NoError(tb, err)
	pool.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = pool.Close() })
	return pool
}

func (r reads) libPQ(tb testing.TB) func() error {
	tb.Helper()
	pool, ctx := r.open(tb), context.Background()
	return func() (err error) {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		var name string
		if _, err = tx.ExecContext(ctx, setTenant, r.tenant.String()); err == nil {
			err = tx.QueryRowContext(ctx, readName, 7).Scan(&name)
		}
		if err != nil {
			_ = tx.Rollback()
			return err
		}
		return check(name, tx.Commit())
	}
}

func (r reads) connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), r.dsn+"&role=reader")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (r reads) pgx(tb testing.TB) func() error {
	tb.Helper()
	conn, ctx := r.connect(tb), context.Background()
	return func() error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		var name string
		if _, err = tx.Exec(ctx, setTenant, r.tenant.String()); err == nil {
			err = tx.QueryRow(ctx, readName, 7).Scan(&name)
		}
		if err != nil {
			_ = tx.Rollback(ctx)
			return err
		}
		return check(name, tx.Commit(ctx))
	}
}

// batch sends all statements in one message. They are one transaction.
func (r reads) batch(tb testing.TB) func() error {
	tb.Helper()
	conn, ctx := r.connect(tb), context.Background()
	return func() error {
		var batch pgx.Batch
		batch.Queue(setTenant, r.tenant.String())
		batch.Queue(readName, 7)
		results := conn.SendBatch(ctx, &batch)
		var name string
		_, err := results.Exec()
		if err == nil {
			err = results.QueryRow().Scan(&name)
		}
		if closed := results.Close(); err == nil {
			err = closed
		}
		return check(name, err)
	}
}

// usage is CPU time of this process and of the server.
type usage struct{ service, server time.Duration }

func (r reads) usage(tb testing.TB) (u usage) {
	tb.Helper()
	var self syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &self))
	u.service = time.Duration(self.Utime.Nano() + self.Stime.Nano())
	rows, err := r.admin.Query(`select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`)
	require.NoError(tb, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var pid int
		require.NoError(tb, rows.Scan(&pid))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		require.NoError(tb, err)
		ran, err := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64)
		require.NoError(tb, err)
		u.server += time.Duration(ran)
	}
	require.NoError(tb, rows.Err())
	return u
}

// measure returns the CPU time of one read, of n.
func (r reads) measure(tb testing.TB, read func() error, n int) (u usage) {
	tb.Helper()
	before := r.usage(tb)
	for range n {
		require.NoError(tb, read())
	}
	after := r.usage(tb)
	return usage{(after.service - before.service) / time.Duration(n), (after.server - before.server) / time.Duration(n)}
}

func BenchmarkTenantRead(b *testing.B) {
	r := newReads(b)
	for name, read := range r.ways {
		b.Run(name, func(b *testing.B) {
			require.NoError(b, read())
			b.ReportAllocs()
			u := r.measure(b, read, b.N)
			b.ReportMetric(float64(u.service.Nanoseconds()), "ns-service/op")
			b.ReportMetric(float64(u.server.Nanoseconds()), "ns-server/op")
		})
	}
}

func TestTenantReadTakesLessThanLibPQ(t *testing.T) {
	r := newReads(t)
	best := map[string]time.Duration{}
	for range 30 {
		for name, read := range r.ways {
			u := r.measure(t, read, 100)
			if took := u.service + u.server; best[name] == 0 || took < best[name] {
				best[name] = took
			}
		}
	}
	for name, took := range best {
		t.Logf("%-12s %s of CPU time, %.2f of lib/pq", name, took, float64(took)/float64(best["lib_pq"]))
	}
	assert.LessOrEqual(t, float64(best["transaction"])/float64(best["lib_pq"]), 0.8)
	assert.LessOrEqual(t, float64(best["this"])/float64(best["transaction"]), 0.8)
}
