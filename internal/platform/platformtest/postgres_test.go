package platformtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func execute(ctx context.Context, dsn, statement string) (err error) {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer func() { err = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func value(t *testing.T, dsn, query string) (text string) {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&text))
	return text
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	var prepared atomic.Int64
	notes := platformtest.Template{
		Name: "Notes & more", Hash: "1",
		Prepare: func(ctx context.Context, dsn string) error {
			prepared.Add(1)
			return execute(ctx, dsn, "create table note as select 'first' as title")
		},
	}
	t.Run("group", func(t *testing.T) {
		for i := range 8 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				dsn := platformtest.Database(t, notes)
				require.NoError(t, execute(t.Context(), dsn, "insert into note values ('second')"))
				assert.Equal(t, "2", value(t, dsn, "select count(*) from note"))
				assert.Equal(t, "true", value(t, dsn, "select current_database() like 'test_notes___more_%'"))
				assert.Equal(t, "true", value(t, dsn, "select rolsuper from pg_roles where rolname = current_user"))
			})
		}
	})
	assert.LessOrEqual(t, prepared.Load(), int64(1), "prepared once, or by an earlier run on this server")
}

func TestDatabaseIsDroppedWithTheTest(t *testing.T) {
	t.Parallel()
	var dsn, name string
	t.Run("test", func(t *testing.T) {
		dsn = platformtest.Database(t, platformtest.Template{Name: "dropped"})
		name = value(t, dsn, "select current_database()")
		db, err := sql.Open("postgres", dsn) // somebody who is still connected
		require.NoError(t, err)
		require.NoError(t, db.PingContext(t.Context()))
		t.Cleanup(func() { require.NoError(t, db.Close()) })
	})
	admin, _ := platformtest.Shared(t)
	assert.Equal(t, "0", value(t, admin, "select count(*) from pg_database where datname = '"+name+"'"))
}

func TestServerDescribesItself(t *testing.T) {
	t.Parallel()
	dsn, origin := platformtest.Shared(t)
	assert.Regexp(t, `^PostgreSQL \d+\S* from `, origin)
	assert.Equal(t, "1", value(t, dsn, "select 1"))
	again, _ := platformtest.Shared(t)
	assert.Equal(t, dsn, again, "one server for the process")
}

func BenchmarkDatabase(b *testing.B) {
	tmpl := platformtest.Template{Name: "bench", Hash: "1", Prepare: func(ctx context.Context, dsn string) error {
		return execute(ctx, dsn, `do $$ begin for i in 1..50 loop
			execute format('create table t%s (id bigint primary key, body text)', i);
			execute format('insert into t%s select n, repeat(''x'', 100) from generate_series(1, 1000) n', i);
		end loop; end $$`)
	}}
	platformtest.Database(b, tmpl) // the template
	for b.Loop() {
		platformtest.Database(b, tmpl)
	}
}
