package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

const readTexts = "select text from private where text <> $1 order by text"

// single returns a pool of one connection, on which everything that is left would be seen.
func single(t testing.TB) (*db.Pool, context.Context) {
	t.Helper()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize, c.MaxOverflow = 1, 0 })
	return pool, db.WithTenant(t.Context(), newID(t))
}

// requireClean fails unless the connection is in no transaction, may write and has no tenant.
func requireClean(t testing.TB, pool *db.Pool) {
	t.Helper()
	const state = `select now() = statement_timestamp() and current_setting('transaction_read_only') = 'off'
		and coalesce(current_setting('app.tenant_id', true), '') = ''`
	for range 2 { // in a transaction the second has the time of the first
		clean, err := db.One[bool](t.Context(), pool, state)
		require.NoError(t, err)
		require.True(t, clean, "the connection is in a transaction")
	}
}

func TestReadTakesOneRoundTrip(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	pool := open(t, proxy.DSN(dsn), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	ctx := db.WithMember(t.Context(), newID(t), newID(t))
	trips := func(arg any) int64 {
		before := proxy.RoundTrips()
		_, err := db.ReadAll[string](ctx, pool, "select $1::text", arg)
		require.NoError(t, err)
		return proxy.RoundTrips() - before
	}
	trips("x") // connects
	assert.EqualValues(t, 1, trips("y"))
	trips(`\`) // prepares the statement for a transaction
	assert.EqualValues(t, 3, trips(`\`))
}

// Arguments in the text of a message arrive as those of the extended protocol do, whatever they are.
func TestReadReturnsWhatATransactionReturns(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	types := []string{
		"bigint", "smallint", "float8", "real", "numeric", "boolean", "text", "varchar(3)", "bytea", "uuid", "jsonb", "date",
		"timestamp", "timestamptz", "interval", "text[]", "bigint[]",
	}
	piece := rapid.SampledFrom([]string{
		"'", "''", `\`, `\'`, "\x00", "\xff", "\xbf'", "é", "$1", "$$", "--", "/*", "')", "select 1", "\n", "a", "1", " ", ",", "{", "}", `"`,
		"null", "infinity", "-infinity", "2024-02-29 12:00:00+05:30", "0044-03-15 BC", "true", "00000000-0000-7000-8000-00000000000a",
	})
	special := []any{
		nil, []byte(nil), []byte{}, "", "infinity", "NaN", math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1),
		math.SmallestNonzeroFloat64, math.MaxFloat64, int64(math.MinInt64), uint64(math.MaxUint64), time.Time{}, `\x41`, `a\b`, "it's",
	}
	value := rapid.OneOf(
		rapid.SampledFrom(special), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(),
		rapid.SliceOf(rapid.Byte()).AsAny(), rapid.String().AsAny(), piece.AsAny(),
		rapid.Custom(func(t *rapid.T) any { return strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), "") }),
		rapid.Custom(func(t *rapid.T) any { return pq.Array(rapid.SliceOf(piece).Draw(t, "list")) }),
		rapid.Custom(func(t *rapid.T) any { return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")) }),
		rapid.Custom(func(t *rapid.T) any {
			zone := time.FixedZone("", rapid.IntRange(-15*3600, 15*3600).Draw(t, "zone"))
			ns := rapid.Int64Range(0, int64(time.Second)).Draw(t, "ns")
			return time.Unix(rapid.Int64Range(-300e9, 300e9).Draw(t, "seconds"), ns).In(zone) // from 7500 BC to 11500
		}),
	)
	type row struct{ A, B any }
	same := func(t require.TestingT, typ string, args ...any) {
		query := "select $1::" + typ + " as a, $2::text as b -- a comment"
		want, refused := db.InTenant(ctx, pool, func(ctx context.Context) (row, error) {
			return db.One[row](ctx, pool, query, args...)
		})
		got, err := db.ReadOne[row](ctx, pool, query, args...)
		require.Equal(t, fmt.Sprintf("%#v", want), fmt.Sprintf("%#v", got), "%s with %#v", query, args)
		require.Equal(t, refused == nil, err == nil, "%s with %#v: %v against %v", query, args, err, refused)
		require.Equal(t, db.SQLState(refused), db.SQLState(err), "%s with %#v", query, args)
		if err != nil {
			require.Equal(t, errors.From(refused).Code, errors.From(err).Code)
		}
	}
	for _, typ := range types {
		for _, v := range special {
			same(t, typ, v, "x")
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		same(rt, rapid.SampledFrom(types).Draw(rt, "type"), value.Draw(rt, "a"), value.Draw(rt, "b"))
	})
	requireClean(t, pool)
}

// A query reads nothing of another tenant and leaves nothing behind, whatever its arguments.
func TestReadIsOfOneTenant(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	other := newID(t)
	require.NoError(t, pool.InTenant(db.WithTenant(ctx, other), write(pool, other, "other's")))
	for _, attack := range []string{
		"'; select set_config('app.tenant_id', '" + other.String() + "', true); --",
		`\'; commit; delete from private; --`, "') union select text from private --", "$1", "'''", "/*", "x\n--",
	} {
		list, err := db.ReadAll[string](ctx, pool, "select $1::text union all select text from private", attack)
		require.NoError(t, err)
		assert.Equal(t, []string{attack}, list)
	}
	list, err := db.ReadAll[string](db.WithTenant(ctx, other), pool, readTexts, "x")
	require.NoError(t, err)
	assert.Equal(t, []string{"other's"}, list)
	assert.Zero(t, count(t.Context(), t, pool, "private"), "without a tenant")
}

func TestReadNeedsATenant(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	_, err := db.ReadOne[int](t.Context(), pool, "select 1")
	assert.True(t, errors.HasCode(err, errors.CodeInternal), err)
	require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) error {
		_, err := db.ReadOne[int](db.WithTenant(ctx, newID(t)), pool, "select 1")
		assert.True(t, errors.HasCode(err, errors.CodeInternal), "another tenant in a transaction: %v", err)
		return nil
	}))
}

func TestReadInATransactionIsPartOfIt(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	tenant := newID(t)
	ctx = db.WithTenant(ctx, tenant)
	require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) error {
		require.NoError(t, write(pool, tenant, "new")(ctx))
		list, err := db.ReadAll[string](ctx, pool, readTexts, "x")
		assert.Equal(t, []string{"new"}, list)
		return err
	}))
	require.NoError(t, pool.InTx(t.Context(), func(outer context.Context) error {
		list, err := db.ReadAll[string](db.WithTenant(outer, tenant), pool, readTexts, "x")
		assert.Equal(t, []string{"new"}, list)
		assert.Zero(t, count(outer, t, pool, "private"), "the tenant ends with the query")
		return err
	}))
}

func TestReadChangesNothing(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	require.NoError(t, insert(ctx, pool, 1))
	for _, query := range []string{
		"update items set name = $1 returning id", "delete from items where name <> $1 returning id",
		"select id from items where name <> $1 for update", "with gone as (delete from items returning id) select id from gone where $1 <> ''",
	} {
		for _, arg := range []string{"x", `\`} { // in one message and in several
			_, err := db.ReadAll[int](ctx, pool, query, arg)
			assert.Equal(t, "25006", db.SQLState(err), query)
			requireClean(t, pool)
		}
	}
	_, err := db.ReadAll[string](ctx, pool, "select set_config('transaction_read_only', 'off', true)")
	assert.Equal(t, "25001", db.SQLState(err))
	assert.Equal(t, 1, count(ctx, t, pool, "items"))
}

func TestReadReportsErrors(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	for query, state := range map[string]string{
		"select $1::int / 0": "22012", // before the first row
		"select 1 / (1000 - g) from generate_series($1, 2000) g": "22012", // among the rows
		"select $1::int from missing":                            "42P01",
		"select $1::int; select 1":                               "42601",
		"select $1::int, $2::int":                                "42601",
		"select ($1::int)::text::uuid":                           "22P02",
		"select ($1":                                             "42601",
	} {
		for range 2 { // the second time it is prepared
			_, err := db.ReadAll[string](ctx, pool, query, 1)
			assert.Equal(t, state, db.SQLState(err), "%s: %v", query, err)
			requireClean(t, pool)
		}
	}
	_, err := db.ReadOne[string](ctx, pool, readTexts, "x")
	assert.ErrorIs(t, err, sql.ErrNoRows)
}

func TestReadOfTheFirstOfManyRows(t *testing.T) {
	t.Parallel()
	pool, ctx := single(t)
	for range 3 {
		first, err := db.ReadOne[int](ctx, pool, "select g from generate_series($1::int, 100000) g", 7)
		require.NoError(t, err)
		assert.Equal(t, 7, first)
	}
	list, err := db.ReadAll[int](ctx, pool, "select g from generate_series($1::int, 100000) g", 1)
	require.NoError(t, err)
	assert.Len(t, list, 100000)
	requireClean(t, pool)
}

func TestReadEndsInTime(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize, c.CommandTimeout = 1, 500*time.Millisecond })
	ctx := db.WithTenant(t.Context(), newID(t))
	sleep := func(ctx context.Context, seconds float64) error {
		_, err := db.ReadOne[string](ctx, pool, "select pg_sleep($1)::text", seconds)
		return err
	}
	require.NoError(t, sleep(ctx, 0))
	err := sleep(ctx, 30)
	assert.True(t, errors.HasCode(err, errors.CodeGatewayTimeout), err)
	assert.Equal(t, "57014", db.SQLState(err), "statement_timeout")
	limited, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	err = sleep(limited, 30)
	assert.True(t, errors.HasCode(err, errors.CodeGatewayTimeout), err)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireClean(t, pool)
}

func TestQueryWhoseConnectionIsLostIsNotRunTwice(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, admin := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 }), superuser(t, dsn)
	ctx := db.WithTenant(t.Context(), newID(t))
	// The server sends rows of All before it has all of them.
	const query = "select repeat('x', 100000) || pg_sleep(case when g = 3 then $1 else 0 end) from generate_series(1, 3) g"
	for name, read := range map[string]func(context.Context, *db.Pool, string, ...any) ([]string, error){
		"ReadAll": db.ReadAll[string], "All": db.All[string],
	} {
		result := make(chan error, 1)
		go func() {
			_, err := read(ctx, pool, query, 30)
			result <- err
		}()
		platformtest.Eventually(t, 20*time.Second, func() error {
			var ended int
			err := admin.QueryRowContext(t.Context(), `
				select count(*) filter (where pg_terminate_backend(pid, 5000)) from pg_stat_activity
				where datname = current_database() and wait_event = 'PgSleep'`).Scan(&ended)
			if err == nil && ended == 0 {
				err = errors.Sentinel("the query does not run yet")
			}
			return err
		})
		select {
		case err := <-result:
			assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
		case <-time.After(10 * time.Second):
			t.Fatal(name, " runs the query again")
		}
		requireClean(t, pool)
	}
}

// A migration changes a type, and a pooler gives the connection a session that others have used.
func TestReadPreparesAgain(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, admin := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 }), superuser(t, dsn)
	ctx := db.WithTenant(t.Context(), newID(t))
	require.NoError(t, insert(ctx, pool, 1))
	read := func() any {
		amount, err := db.ReadOne[any](ctx, pool, "select amount from items where id = $1", 1)
		require.NoError(t, err)
		return amount
	}
	assert.EqualValues(t, 0, read())
	_, err := admin.ExecContext(t.Context(), "alter table items alter amount drop default, alter amount type text")
	require.NoError(t, err)
	assert.Equal(t, "0", read())
	_, err = db.Exec(ctx, pool, "deallocate all")
	require.NoError(t, err)
	assert.Equal(t, "0", read())
	prepared := "select name from pg_prepared_statements where name like 'read%'"
	names, err := db.All[string](ctx, pool, prepared)
	require.NoError(t, err)
	require.Len(t, names, 1)

	pool = open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	_, err = db.Exec(ctx, pool, "prepare "+names[0]+" as select amount from items where id = $1")
	require.NoError(t, err)
	assert.Equal(t, "0", read())
}

func TestReadsAreLoggedWithoutTheirArguments(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	seen := &spans{}
	pool := open(t, database(t), func(c *db.Config, o *db.Options) {
		o.Log, o.Observe, c.SlowQuery = log, seen.observe, 50*time.Millisecond
	})
	ctx := db.WithTenant(t.Context(), newID(t))
	_, err := db.ReadAll[string](ctx, pool, "select pg_sleep($1)::text from generate_series(1, 3) where $2 <> ''", 0.02, "canary")
	require.NoError(t, err)
	_, err = db.ReadAll[int](ctx, pool, "select $1::int", "canary")
	require.Error(t, err)
	slow, all := record.events(t, "query_slow"), record.events(t, "query")
	require.Len(t, slow, 1)
	assert.Equal(t, "select pg_sleep($1)::text from generate_series(1, 3) where $2 <> '?'", slow[0]["query"])
	assert.EqualValues(t, 3, slow[0]["rows"])
	assert.GreaterOrEqual(t, slow[0]["duration_ms"], 60.0)
	assert.Contains(t, all[len(all)-1]["error"], "invalid_text_representation")
	assert.NotContains(t, record.String(), "canary")
	assert.Len(t, seen.list, 2)
}
