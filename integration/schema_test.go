package integration

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/uuid"
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

func TestFourProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	var processes []*service
	for range 4 {
		processes = append(processes, launch(t, t.TempDir(), env{}.list(dsn), "migrate", "up"))
	}
	for _, p := range processes {
		assert.Zero(t, p.exit(t), p.stderr.String())
		assert.Regexp(t, `^(nothing to do: )?the schema is at version [^{]+$`, p.dump(), "logs must go to stderr")
	}
	var applied int
	require.NoError(t, apptest.Superuser(t, dsn).QueryRowContext(t.Context(), "select count(*) from goose_db_version where version_id > 0").Scan(&applied))
	files, err := fs.Glob(migrations.Files, "*.sql")
	require.NoError(t, err)
	assert.Len(t, files, applied, "every migration must be applied once")
}

func TestFourReplicasStartOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	key := signingKey(t)
	var replicas []*service
	for range 4 {
		replicas = append(replicas, launch(t, t.TempDir(), env{"AUTH_JWT_PRIVATE_KEY": key}.list(dsn)))
	}
	for _, r := range replicas {
		r.client = client{t: t, base: "http://" + r.await(t, "service_started")["addr"].(string)}
		r.ready(t, true)
	}
	ada := replicas[0].client.register()
	ada.create("seen by all")
	for _, r := range replicas {
		ada.base = r.client.base
		assert.Equal(t, []string{"seen by all"}, ada.names())
	}
}

func TestMigrateCommands(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	run := func(command string) string {
		p := launch(t, t.TempDir(), env{}.list(dsn), "migrate", command)
		require.Zero(t, p.exit(t), p.stderr.String())
		return p.output()
	}
	latest := fmt.Sprint(migrations.Latest())
	assert.Equal(t, "0", run("version"))
	run("up")
	assert.Equal(t, latest, run("version"))
	assert.NotContains(t, run("status"), "pending")
	run("down")
	assert.NotEqual(t, latest, run("version"))
	assert.Contains(t, run("status"), "pending")
}

func TestOutdatedSchemaIsNotReady(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	down := launch(t, t.TempDir(), env{}.list(dsn), "migrate", "down")
	require.Zero(t, down.exit(t), down.stderr.String())
	s := startOn(t, dsn, env{"DB_AUTO_MIGRATE": "false"})
	s.ready(t, false)
	assert.Equal(t, 200, s.client.get("/healthz").status, "liveness must not depend on the schema")
	assert.Equal(t, "failed", s.client.get("/readyz").text("checks.schema.status"))
	up := launch(t, t.TempDir(), env{}.list(dsn), "migrate", "up")
	require.Zero(t, up.exit(t), up.stderr.String())
	s.ready(t, true)

	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), "revoke all on members from app_role")
	require.NoError(t, err)
	s.ready(t, false)
	s.awaitThat(t, "readiness_check_failed", func(line map[string]any) bool {
		return strings.Contains(fmt.Sprint(line["error"]), "grant select, insert, update, delete on members to app_role")
	})
}

// names returns the first column of a query.
func names(t testing.TB, dsn, query string, args ...any) (list []string) {
	t.Helper()
	rows, err := apptest.Superuser(t, dsn).QueryContext(t.Context(), query, args...)
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

// tenantTables selects the tables with a column tenant_id, and tenants.
const tenantTables = `
	select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity from pg_class c
	where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
		and (c.relname = 'tenants' or exists (
			select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))`

// tenantPolicies selects the allowed policies: the tenant policy as PostgreSQL prints it, without
// spaces and aliases, and the exceptions.
const tenantPolicies = `
	select polrelid, polname from pg_policy where polcmd = '*' and polroles = '{0}'
		and regexp_replace(pg_get_expr(polqual, polrelid), '\s|AS "?\w+"?', '', 'g') in (
			'(tenant_id=(SELECT(NULLIF(current_setting(''app.tenant_id''::text,true),''''::text))::uuid))',
			'(id=(SELECT(NULLIF(current_setting(''app.tenant_id''::text,true),''''::text))::uuid))')
		and (polwithcheck is null or pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid))
	union all
	select polrelid, polname from pg_policy where polname = 'members_self' and polcmd = 'r'
	union all -- allows inserts only
	select polrelid, polname from pg_policy where polname = 'audit_events_system' and polcmd = 'a'
		and pg_get_expr(polwithcheck, polrelid) like '%(tenant_id IS NULL) AND %'
	union all -- for the owner, not for the service
	select polrelid, polname from pg_policy p join pg_class c on c.oid = polrelid
		where polname like '%\_retention' and polroles = array[relowner]`

// leaks selects the violations.
const leaks = `
	with tenant_tables as (` + tenantTables + `), allowed as (` + tenantPolicies + `)
	select relname || ' has no forced row security' from tenant_tables where not (relrowsecurity and relforcerowsecurity)
		and not (relrowsecurity and relname = 'note_terms') -- part:notes
	union all
	select relname || ' has no tenant policy' from tenant_tables t
		where not exists (select from allowed a where a.polrelid = t.oid and a.polname not in ('members_self', 'audit_events_system')
			and a.polname not like '%\_retention')
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
		{"drop policy more on forgotten; create view peek as select * from members", "peek is a view that runs as its owner"},
	} {
		_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), forgotten.statement)
		require.NoError(t, err)
		if forgotten.leak == "" {
			assert.Empty(t, names(t, dsn, leaks))
			continue
		}
		assert.Contains(t, names(t, dsn, leaks), forgotten.leak, "the query must detect the leak")
	}
}

func TestRowSecurityOfMemberships(t *testing.T) {
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
	assert.Equal(t, "owner,viewer", roles(""), "without a tenant, as at login")

	login := s.client.post("/v1/auth/login", map[string]any{"email": ada.email, "password": password, "tenant_id": bob.tenantID})
	viewer := client{t: t, base: s.client.base, token: login.text("tokens.access_token")}
	assert.Equal(t, "viewer", viewer.get("/v1/me").text("role"))
	viewer.get(resources).problem(errors.CodePermissionDenied)
}

func TestApplicationRolePrivileges(t *testing.T) {
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

func TestMigrationsDownAndUp(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	m, err := db.NewMigrator(t.Context(), db.Config{Base: config.Base{AppName: "integration"}, URL: config.Secret(dsn)}, migrations.Files, logging.For())
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	before := names(t, dsn, dump)
	for range migrations.Latest() {
		require.NoError(t, m.Down(t.Context()))
	}
	assert.Equal(t, []string{"goose_db_version"}, names(t, dsn, "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"))
	require.NoError(t, m.Up(t.Context()))
	assert.Equal(t, before, names(t, dsn, dump))
}

// A deletion of an account or a tenant would cascade to rows of every tenant.
func TestServiceCannotDeleteAccountsAndTenants(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	assert.Empty(t, names(t, dsn, `
		select t || ': ' || p from unnest('{users,tenants}'::text[]) t, unnest('{delete,truncate}'::text[]) p
		where has_table_privilege('app_role', t, p)`))
}

// The service reads the hash of the account for which it acts, and no other.
func TestPasswordHashesAreHidden(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), `
		insert into users (id, email, password_hash, display_name) select gen_random_uuid(), i || '@example.com', 'hash ' || i, '' from generate_series(1, 2) i`)
	require.NoError(t, err)
	pool := apptest.Pool(t, dsn)
	for _, statement := range []string{
		"select password_hash from users", "select * from users", "select u from users u", "select id from users where password_hash like 'h%'",
		"update users set display_name = password_hash", "update users set email = email returning password_hash", "delete from users", "delete from tenants",
	} {
		_, err := db.Exec(t.Context(), pool, statement)
		assert.Equal(t, "42501", db.SQLState(err), statement)
	}
	own := func(user uuid.UUID) (hashes []string) {
		err := pool.InTx(db.WithUser(t.Context(), user), func(ctx context.Context) (err error) {
			hashes, err = db.All[string](ctx, pool, "select coalesce(own_password_hash(), '') from users group by 1")
			return err
		})
		require.NoError(t, err)
		return hashes
	}
	id := uuid.MustParse(names(t, dsn, "select id from users where password_hash = 'hash 2'")[0])
	assert.Equal(t, []string{"hash 2"}, own(id))
	assert.Equal(t, []string{""}, own(uuid.New()))
	assert.Equal(t, []string{""}, own(uuid.Nil))
}

// While replicas of the release before the migration run, they read the column.
func TestPasswordHashesOfOlderReplicas(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	m, err := db.NewMigrator(t.Context(), apptest.Settings(dsn), migrations.Files, logging.For())
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	const before = 14 // the version of that release
	for version := int64(before + 1); version > before; {
		require.NoError(t, m.Down(t.Context()))
		version, err = m.Version(t.Context())
		require.NoError(t, err)
	}
	pool := apptest.Pool(t, dsn)
	exec := func(want int64, statement string) {
		n, err := db.Exec(t.Context(), pool, statement)
		require.NoError(t, err, statement)
		assert.Equal(t, want, n, statement)
	}
	exec(1, `insert into users (id, email, password_hash, display_name) values (gen_random_uuid(), 'ada@example.com', 'first', 'A')`)
	require.NoError(t, m.Up(t.Context()))
	exec(1, `select id, email, display_name, password_hash, created_in, email_verified_at is not null as verified from users`)
	exec(1, `insert into users (id, email, password_hash, display_name, created_in) values (gen_random_uuid(), 'bob@example.com', 'b', 'B', null)`)
	exec(1, `update users set password_hash = 'second', updated_at = now() where password_hash = 'first'`)
	exec(1, `select from users where password_hash = 'second' for share`)
	exec(1, `select from users where password_version = 1 for share`) // a newer replica sees the change
}

// The deletion of what has no tenant, such as an account, must not reach into all tenants.
func TestCascadesStayInTheirTenant(t *testing.T) {
	t.Parallel()
	assert.Empty(t, names(t, platformtest.Database(t, apptest.Migrated), `
		select conrelid::regclass || '.' || conname from pg_constraint c
		where contype = 'f' and confdeltype <> 'a' and exists (
			select from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'tenant_id' and not a.attnum = any (c.conkey))
		and not exists (select from pg_attribute a where a.attrelid = c.confrelid and a.attname = 'tenant_id')`))
}
