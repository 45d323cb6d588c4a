package integration

import (
	"context"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

// mistakes selects what is wrong with a schema, besides the leaks of tenants.
const mistakes = `
	with tables as (
		select * from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
	), functions as (
		select * from pg_proc where pronamespace = 'public'::regnamespace
			and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
	)
	select relname || ' has no primary key' from tables t
		where not exists (select from pg_constraint where conrelid = t.oid and contype = 'p')
	union all
	select relname || ' has no privilege for app_role' from tables
		where not has_any_column_privilege('app_role', oid, 'select, insert, update')
	union all
	select conrelid::regclass || ' has no index for ' || conname from pg_constraint c
		where contype = 'f' and not exists (
			select from pg_index i where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
				and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)
	union all
	select relname || ' has an invalid index' from pg_index join tables on tables.oid = indrelid where not indisvalid
	union all
	select proname || ' runs as its owner with the search_path of the caller' from functions f
		where prosecdef and not exists (select from unnest(proconfig) c where c ~ '^search_path=.+, pg_temp$')
	union all
	select proname || ' runs as its owner for everybody' from functions
		where prosecdef and has_function_privilege('public', oid, 'execute')
	union all
	select 'default privileges of ' || defaclrole::regrole from pg_default_acl`

func TestSchemaHasNoMistakes(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	assert.Empty(t, names(t, dsn, mistakes))

	const grant = "grant select on forgotten to app_role; "
	for _, one := range []struct{ statement, mistake string }{
		{"create table forgotten (id int primary key)", "forgotten has no privilege for app_role"},
		{"create table forgotten (id int); " + grant, "forgotten has no primary key"},
		{"create table forgotten (user_id uuid references users, id int, primary key (id, user_id)); " + grant,
			"forgotten has no index for forgotten_user_id_fkey"},
		{"create table forgotten (id int primary key, user_id uuid references users); " + grant +
			"create index on forgotten (user_id) where id > 1", "forgotten has no index for forgotten_user_id_fkey"},
		{"create function forgotten() returns int security definer language sql as 'select 1'; revoke execute on function forgotten() from public",
			"forgotten runs as its owner with the search_path of the caller"},
		{"create function forgotten() returns int security definer set search_path = public language sql as 'select 1'; " +
			"revoke execute on function forgotten() from public", "forgotten runs as its owner with the search_path of the caller"},
		{"create function forgotten() returns int security definer set search_path = public, pg_temp language sql as 'select 1'",
			"forgotten runs as its owner for everybody"},
		{"alter default privileges in schema public grant select on tables to app_role", "default privileges of "},
	} {
		dsn := platformtest.Database(t, apptest.Migrated)
		_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), one.statement)
		require.NoError(t, err, one.statement)
		found := names(t, dsn, mistakes)
		if assert.Len(t, found, 1, one.statement) {
			assert.Contains(t, found[0], one.mistake)
		}
	}
}

// The function for migrations gives a table all that the tests of this package ask for.
func TestTenantTable(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), `
		create table "Odd name" (id uuid primary key, tenant_id uuid not null references tenants on delete cascade);
		create index on "Odd name" (tenant_id);
		select tenant_table('"Odd name"')`)
	require.NoError(t, err)
	assert.Empty(t, names(t, dsn, leaks))
	assert.Empty(t, names(t, dsn, mistakes))
	assert.Equal(t, []string{"true"}, names(t, dsn, `select has_table_privilege('app_role', '"Odd name"', 'insert')
		and has_table_privilege('app_role', '"Odd name"', 'update') and has_table_privilege('app_role', '"Odd name"', 'delete')`))
	assert.Equal(t, []string{"false"}, names(t, dsn, "select has_function_privilege('app_role', 'tenant_table(regclass)', 'execute')"))
}

// dump selects a description of the schema in lines that begin with a table or function.
const dump = `
	with tables as (
		select * from pg_class where relkind in ('r', 'p', 'v', 'm') and relnamespace = 'public'::regnamespace and relname <> 'goose_db_version'
	), functions as (
		select *, oid::regprocedure::text as title from pg_proc where pronamespace = 'public'::regnamespace
			and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
	), lines as (
		select relname::text as name, 0 as sort, relname || case relrowsecurity when true then ' has row security' else '' end
			|| case relforcerowsecurity when true then ', forced' else '' end as line from tables
		union all
		select relname, attnum, relname || '.' || attname || ' ' || format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
			|| coalesce(case attgenerated when 's' then ' generated as ' else ' default ' end || pg_get_expr(adbin, adrelid), '')
			from tables t join pg_attribute on attrelid = t.oid and attnum > 0 and not attisdropped
			left join pg_attrdef on adrelid = t.oid and adnum = attnum
		union all
		select relname, 10000, relname || ' ' || conname || ' ' || pg_get_constraintdef(c.oid)
			from tables t join pg_constraint c on conrelid = t.oid and contype not in ('t', 'n')
		union all
		select relname, 10001, relname || ' ' || pg_get_indexdef(indexrelid) from tables t join pg_index on indrelid = t.oid and not indisprimary
		union all
		select relname, 10002, relname || ' trigger ' || pg_get_triggerdef(g.oid) from tables t join pg_trigger g on tgrelid = t.oid and not tgisinternal
		union all
		select relname, 10003, relname || ' policy ' || polname || ' for ' || case polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert'
			when 'w' then 'update' else 'delete' end || case polroles when array[relowner] then ' to owner' when '{0}' then '' else ' to ' || polroles::regrole[]::text end
			|| coalesce(' using ' || pg_get_expr(polqual, polrelid), '') || coalesce(' with check ' || pg_get_expr(polwithcheck, polrelid), '')
			from tables t join pg_policy on polrelid = t.oid
		union all
		select relname, 10004, relname || ' grants ' || case grantee when 0 then 'public' else grantee::regrole::text end || ' '
			|| lower(string_agg(privilege_type, ', ' order by privilege_type)) from tables, aclexplode(relacl) where grantee <> relowner group by relname, grantee
		union all
		select relname, 10004, relname || '.' || attname || ' grants ' || grantee::regrole || ' ' || lower(string_agg(privilege_type, ', ' order by privilege_type))
			from tables t join pg_attribute on attrelid = t.oid, aclexplode(attacl) where grantee <> relowner group by relname, attname, grantee
		union all
		select title, 0, title || ' ' || pg_get_functiondef(oid) from functions
		union all
		select title, 1, title || ' grants ' || case grantee when 0 then 'public' else grantee::regrole::text end || ' execute'
			from functions, aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee <> proowner
	)
	select rtrim(regexp_replace(regexp_replace(line, '\s+', ' ', 'g'), ' AS "?\w+"?\)', ')', 'g')) from lines
	order by name collate "C", sort, line collate "C"`

// without returns the lines of one text that the other one lacks.
func without(text, other string) (lines []string) {
	others := strings.Split(other, "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if !slices.Contains(others, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestSchemaIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	const path = "../migrations/schema.txt"
	var b strings.Builder
	for _, line := range names(t, platformtest.Database(t, apptest.Migrated), dump) {
		b.WriteString(line)
		if strings.HasPrefix(line, "note") { // part:notes
			b.WriteString(" -- part:notes") // part:notes
		} // part:notes
		if strings.HasPrefix(line, "llm_") { // part:llm
			b.WriteString(" -- part:llm") // part:llm
		} // part:llm
		b.WriteString("\n")
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	const update = "to accept the change: UPDATE_GOLDEN=1 go test ./integration -run TestSchemaIsTheCommittedOne"
	assert.Empty(t, without(b.String(), string(committed)), "new; "+update)
	assert.Empty(t, without(string(committed), b.String()), "gone; "+update)
}

// ownedDatabase returns the DSNs of an empty database with a superuser and with its owner, a login
// without other rights, as in production.
func ownedDatabase(t testing.TB) (dsn, owner string) {
	t.Helper()
	platformtest.Database(t, apptest.Migrated) // creates app_role, which belongs to the server
	dsn = platformtest.Database(t, platformtest.Template{Name: "empty"})
	owner, name := login(t, dsn, "")
	admin := apptest.Superuser(t, dsn)
	_, err := admin.ExecContext(t.Context(),
		"do $$ begin execute format('alter database %I owner to "+name+"', current_database()); end $$")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.ExecContext(context.Background(),
			"reassign owned by "+name+" to current_user; drop owned by "+name+"; drop role "+name)
		assert.NoError(t, err)
	})
	return dsn, owner
}

// What the service may do does not depend on the login that migrates.
func TestMigrationsByAPlainOwner(t *testing.T) {
	t.Parallel()
	dsn, owner := ownedDatabase(t)
	up := run(t, t.TempDir(), env{"APP_ENVIRONMENT": "production", "DATABASE_URL": owner}, "migrate", "up")
	require.Zero(t, up.code, up.stderr)
	assert.Equal(t, names(t, platformtest.Database(t, apptest.Migrated), dump), names(t, dsn, dump))

	// The sweep runs as the owner, who is subject to row security, too.
	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), `
		insert into tenants (id, name) values (gen_random_uuid(), 'T');
		insert into users (id, email, password_hash, display_name) values (gen_random_uuid(), 'a@example.com', 'x', 'A');
		insert into members (tenant_id, user_id, role) select t.id, u.id, 'owner' from tenants t, users u;
		insert into idempotency_keys (tenant_id, user_id, key, request_hash, created_at)
			select tenant_id, user_id, key, 'x', now() - age from members, (values ('new', interval '0'), ('old', interval '2 days')) k (key, age)`)
	require.NoError(t, err)
	swept, err := db.All[string](t.Context(), apptest.Pool(t, dsn), "select name || ' ' || deleted from retention_sweep(10) where deleted > 0")
	require.NoError(t, err)
	assert.Equal(t, []string{"idempotency 1"}, swept)
}

// The examples of the guide, while the previous and the next release write at the same time.
func TestExamplesOfTheMigrationGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/migrations.md")
	require.NoError(t, err)
	examples := regexp.MustCompile("(?s)```sql\n-- (\\w+\\.sql)\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	require.Len(t, examples, 4)

	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(migrations.Files, ".", func(name string, _ fs.DirEntry, err error) error {
		if text, readErr := fs.ReadFile(migrations.Files, name); readErr == nil {
			files[name] = &fstest.MapFile{Data: text}
		}
		return err
	}))
	dsn, owner := ownedDatabase(t)
	admin := apptest.Superuser(t, dsn)
	up := func() {
		m, err := db.NewMigrator(t.Context(), apptest.Settings(owner), files, logging.For())
		require.NoError(t, err)
		require.NoError(t, m.Up(t.Context()))
		require.NoError(t, m.Close())
	}
	up()
	pool := apptest.Pool(t, dsn)
	tenant := db.NewID()
	_, err = admin.ExecContext(t.Context(), "insert into tenants (id, name) values ($1, 'T')", tenant)
	require.NoError(t, err)
	ctx := db.WithTenant(t.Context(), tenant)
	write := func(statement string) {
		require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) error {
			_, err := db.Exec(ctx, pool, statement, db.NewID(), tenant)
			return err
		}), statement)
	}
	const (
		oldInsert = "insert into guide_orders (id, tenant_id, customer) values ($1, $2, 'A')"
		newInsert = "insert into guide_orders (id, tenant_id, customer_name) values ($1, $2, 'B')"
		oldUpdate = "update guide_orders set customer = customer || 'x' where $1 <> $2"
		newUpdate = "update guide_orders set customer_name = customer_name || 'y' where $1 <> $2"
		both      = "case customer_name when customer then customer else 'differ' end"
	)
	for i, step := range []struct {
		writes []string
		column string
		want   []string
	}{
		{[]string{oldInsert}, "customer", []string{"A"}},
		{[]string{newInsert, oldUpdate, newUpdate}, both, []string{"Axy", "Bxy"}},
		{[]string{oldInsert, newInsert, oldUpdate, newUpdate}, both, []string{"Axy", "Axyxy", "Bxy", "Bxyxy"}},
		{[]string{newInsert, newUpdate}, "customer_name", []string{"Axyxyy", "Axyy", "Bxyxyy", "Bxyy", "By"}},
	} {
		file := examples[i][1]
		files[file] = &fstest.MapFile{Data: []byte(examples[i][2])}
		if strings.Contains(file, "fill") {
			_, err = admin.ExecContext(t.Context(), `alter table guide_orders disable trigger user;
				update guide_orders set customer_name = null; alter table guide_orders enable trigger user`)
			require.NoError(t, err)
		}
		up()
		for _, statement := range step.writes {
			write(statement)
		}
		assert.Equal(t, step.want, names(t, dsn, "select "+step.column+" from guide_orders order by 1"), file)
		assert.Empty(t, names(t, dsn, leaks), file)
		assert.Empty(t, names(t, dsn, mistakes), file)
	}
}
