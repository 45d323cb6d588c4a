package integration

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

// names returns the first column of a query.
func names(t testing.TB, dsn, query string) (list []string) {
	t.Helper()
	rows, err := apptest.Superuser(t, dsn).QueryContext(t.Context(), query)
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

// The tables with a tenant_id, and tenants itself.
const tenantTables = `
	select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity from pg_class c
	where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
		and (c.relname = 'tenants' or exists (
			select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))`

// The policy that such a table has, as PostgreSQL prints it without spaces and names, and the exceptions.
const tenantPolicies = `
	select polrelid, polname from pg_policy where polcmd = '*' and polroles = '{0}'
		and regexp_replace(pg_get_expr(polqual, polrelid), '\s|AS "?\w+"?', '', 'g') in (
			'(tenant_id=(SELECT(NULLIF(current_setting(''app.tenant_id''::text,true),''''::text))::uuid))',
			'(id=(SELECT(NULLIF(current_setting(''app.tenant_id''::text,true),''''::text))::uuid))')
		and (polwithcheck is null or pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid))
	union all
	select polrelid, polname from pg_policy where polname = 'members_self' and polcmd = 'r'
	union all -- writes, and reads nothing
	select polrelid, polname from pg_policy where polname = 'audit_events_system' and polcmd = 'a'
		and pg_get_expr(polwithcheck, polrelid) like '%(tenant_id IS NULL) AND %'`

const leaks = `
	with tenant_tables as (` + tenantTables + `), allowed as (` + tenantPolicies + `)
	select relname || ' has no forced row security' from tenant_tables where not (relrowsecurity and relforcerowsecurity)
	union all
	select relname || ' has no tenant policy' from tenant_tables t
		where not exists (select from allowed a where a.polrelid = t.oid and a.polname not in ('members_self', 'audit_events_system'))
	union all
	select relname || ' has the policy ' || p.polname from tenant_tables t join pg_policy p on p.polrelid = t.oid
		where p.polpermissive and (p.polrelid, p.polname) not in (select polrelid, polname from allowed)
	union all
	select relname || ' is a view that runs as its owner' from pg_class
		where relkind = 'v' and relnamespace = 'public'::regnamespace and not coalesce(reloptions @> '{security_invoker=true}', false)`

func TestEveryTenantTableHasRowSecurity(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	assert.Empty(t, names(t, dsn, leaks))

	const policy = "(select nullif(current_setting('app.tenant_id', true), '')::uuid)"
	for _, forgotten := range []struct{ statement, leak string }{
		{"create table forgotten (tenant_id uuid)", "forgotten has no forced row security"},
		{"alter table forgotten enable row level security", "forgotten has no forced row security"},
		{"alter table forgotten force row level security", "forgotten has no tenant policy"},
		{"create policy loose on forgotten using (tenant_id = " + policy + " or true)", "forgotten has the policy loose"},
		{"drop policy loose on forgotten; create policy half on forgotten using (tenant_id = " + policy + ") with check (true)", "forgotten has the policy half"},
		{"drop policy half on forgotten; create policy good on forgotten using (tenant_id = " + policy + ")", ""},
		{"create policy more on forgotten for select using (true)", "forgotten has the policy more"},
		{"drop policy more on forgotten; create view peek as select * from notes", "peek is a view that runs as its owner"},
	} {
		_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), forgotten.statement)
		require.NoError(t, err)
		if forgotten.leak == "" {
			assert.Empty(t, names(t, dsn, leaks))
			continue
		}
		assert.Contains(t, names(t, dsn, leaks), forgotten.leak, "the check sees what it is for")
	}
}

func TestMemberSeesOneTenantAtATime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada, bob := s.client.register(), s.client.register()
	admin := apptest.Superuser(t, s.dsn)
	_, err := admin.ExecContext(t.Context(), "insert into members (tenant_id, user_id, role) values ($1, $2, 'viewer')", bob.tenantID, ada.userID)
	require.NoError(t, err)
	tx, err := admin.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	_, err = tx.ExecContext(t.Context(), "set local role app_role")
	require.NoError(t, err)
	roles := func(tenant string) (list string) {
		_, err := tx.ExecContext(t.Context(), "select set_config('app.user_id', $1, true), set_config('app.tenant_id', $2, true)", ada.userID, tenant)
		require.NoError(t, err)
		const mine = "select string_agg(role, ',' order by role) from members where user_id = $1"
		require.NoError(t, tx.QueryRowContext(t.Context(), mine, ada.userID).Scan(&list))
		return list
	}
	assert.Equal(t, "owner", roles(ada.tenantID))
	assert.Equal(t, "viewer", roles(bob.tenantID))
	assert.Equal(t, "owner,viewer", roles(""), "at login, before there is a tenant")

	login := s.client.post("/v1/auth/login", map[string]any{"email": ada.email, "password": password, "tenant_id": bob.tenantID})
	guest := client{t: t, base: s.client.base, token: login.text("access_token")}
	assert.Equal(t, "viewer", guest.get("/v1/me").text("role"))
	guest.post("/v1/notes", map[string]any{"title": "not allowed"}).problem(errors.CodePermissionDenied)
}

func TestApplicationRoleHasNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	assert.Empty(t, names(t, dsn, `
		select rolname from pg_roles where rolname = 'app_role'
			and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolcanlogin)`))
	assert.Equal(t, []string{"app_role"}, names(t, dsn, `select rolname from pg_roles where rolname = 'app_role'`))
	assert.Empty(t, names(t, dsn, `
		select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not in ('goose_db_version', 'audit_events')
			and not has_table_privilege('app_role', oid, 'select, insert, update, delete')`), "tables the service cannot use")
	assert.Equal(t, []string{"audit_events"}, names(t, dsn, `
		select relname from pg_class where relname = 'audit_events' and has_table_privilege('app_role', oid, 'select')
			and has_table_privilege('app_role', oid, 'insert') and not has_table_privilege('app_role', oid, 'update, delete, truncate')`))
	assert.Empty(t, names(t, dsn, `
		select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
			and (has_table_privilege('app_role', oid, 'truncate') or pg_get_userbyid(relowner) = 'app_role')`))
}

func TestEveryForeignKeyHasAnIndex(t *testing.T) {
	t.Parallel()
	assert.Empty(t, names(t, platformtest.Database(t, apptest.Migrated), `
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
	dsn := platformtest.Database(t, apptest.Migrated)
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
