package integration

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

// names returns the first column of a query.
func names(t testing.TB, dsn, query string) (list []string) {
	t.Helper()
	rows, err := superuser(t, dsn).QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		list = append(list, name)
	}
	require.NoError(t, rows.Err())
	return list
}

// tenantTablesWithoutRowSecurity are those with a tenant_id, and tenants itself, that lack one of the three parts of it.
const tenantTablesWithoutRowSecurity = `
	select c.relname from pg_class c
	where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
		and (c.relname = 'tenants' or exists (
			select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))
		and not (c.relrowsecurity and c.relforcerowsecurity and exists (
			select from pg_policy p where p.polrelid = c.oid and p.polcmd = '*'
				and pg_get_expr(p.polqual, p.polrelid) like '%NULLIF(current_setting(''app.tenant_id''%'))`

func TestEveryTenantTableHasRowSecurity(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, migrated)
	assert.Empty(t, names(t, dsn, tenantTablesWithoutRowSecurity))

	for _, forgotten := range []string{
		"create table forgotten (tenant_id uuid)",
		"alter table forgotten enable row level security",
		"alter table forgotten force row level security",
		"create policy all_of_it on forgotten using (true)",
	} {
		_, err := superuser(t, dsn).ExecContext(t.Context(), forgotten)
		require.NoError(t, err)
		assert.Equal(t, []string{"forgotten"}, names(t, dsn, tenantTablesWithoutRowSecurity), "the check sees what it is for")
	}
}

func TestApplicationRoleHasNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, migrated)
	assert.Empty(t, names(t, dsn, `
		select rolname from pg_roles where rolname = 'app_role'
			and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolcanlogin)`))
	assert.Equal(t, []string{"app_role"}, names(t, dsn, `select rolname from pg_roles where rolname = 'app_role'`))
	assert.Empty(t, names(t, dsn, `
		select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'goose_db_version'
			and not has_table_privilege('app_role', oid, 'select, insert, update, delete')`), "tables the service cannot use")
	assert.Empty(t, names(t, dsn, `
		select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
			and (has_table_privilege('app_role', oid, 'truncate') or pg_get_userbyid(relowner) = 'app_role')`))
}

func TestEveryForeignKeyHasAnIndex(t *testing.T) {
	t.Parallel()
	assert.Empty(t, names(t, platformtest.Database(t, migrated), `
		select conrelid::regclass || '.' || conname from pg_constraint c
		where contype = 'f' and not exists (
			select from pg_index i where i.indrelid = c.conrelid
				and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)`))
}

// The columns, constraints, indexes and policies of the schema.
const description = `
	select format('%s.%s %s %s', table_name, column_name, data_type, is_nullable) as d from information_schema.columns where table_schema = 'public'
	union all select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
	union all select indexdef from pg_indexes where schemaname = 'public'
	union all select format('%s %s %s', tablename, policyname, qual) from pg_policies where schemaname = 'public'
	order by d`

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, migrated)
	m, err := db.NewMigrator(t.Context(), db.Config{Base: config.Base{AppName: "integration"}, URL: config.Secret(dsn)}, migrations.Files, logging.For())
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	before := names(t, dsn, description)
	latest, err := db.Latest(migrations.Files)
	require.NoError(t, err)
	for range latest {
		require.NoError(t, m.Down(t.Context()))
	}
	assert.Equal(t, []string{"goose_db_version"}, names(t, dsn, "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"))
	require.NoError(t, m.Up(t.Context()))
	assert.Equal(t, before, names(t, dsn, description))
}
