package integration

import (
	"context"
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

func TestMigrateNeedsDatabaseSettingsOnly(t *testing.T) {
	t.Parallel()
	e := env{"APP_ENVIRONMENT": "production", "DATABASE_URL": platformtest.Database(t, platformtest.Template{Name: "empty"})}
	up := run(t, t.TempDir(), e, "migrate", "up")
	require.Zero(t, up.code, up.stderr)
	assert.Regexp(t, `^the schema is at version \d+; it was at 0\n$`, up.stdout)
	again := run(t, t.TempDir(), e, "migrate", "up")
	require.Zero(t, again.code, again.stderr)
	assert.Regexp(t, `^nothing to do: the schema is at version \d+\n$`, again.stdout)
	assert.Regexp(t, `^the schema is at version \d+; it was at \d+\n$`, run(t, t.TempDir(), e, "migrate", "down").stdout)
	assert.Zero(t, run(t, t.TempDir(), e, "migrate", "status").code)

	missing := run(t, t.TempDir(), env{"APP_ENVIRONMENT": "production"}, "migrate", "up")
	assert.Equal(t, 2, missing.code)
	assert.Contains(t, missing.stderr, "DATABASE_URL")
	assert.NotContains(t, missing.stderr, "AUTH_")
}

func TestMigrateDryRun(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	e := env{"APP_ENVIRONMENT": "production", "DATABASE_URL": dsn}
	dry := run(t, t.TempDir(), e, "migrate", "up", "--dry-run")
	require.Zero(t, dry.code, dry.stderr)
	assert.Empty(t, names(t, dsn, "select relname::text from pg_class where relnamespace = 'public'::regnamespace"), "it must change nothing")
	assert.Equal(t, "0\n", run(t, t.TempDir(), e, "migrate", "version").stdout)
	assert.Regexp(t, `(?s)^-- 00001_application_role.sql\n.*\n-- 00002_tenants_users_members.sql\ncreate table tenants \(`, dry.stdout)
	assert.NotContains(t, dry.stdout, "drop table tenants", "the way back")

	files, err := fs.Glob(migrations.Files, "*.sql")
	require.NoError(t, err)
	assert.Equal(t, files, strings.Split(strings.Join(regexp.MustCompile(`(?m)^-- (\d+_\w+\.sql)$`).FindAllString(dry.stdout, -1), ""), "-- ")[1:])
	for _, name := range files {
		text, err := fs.ReadFile(migrations.Files, name)
		require.NoError(t, err)
		_, up, _ := strings.Cut(string(text), "-- +goose Up\n")
		up, _, _ = strings.Cut(up, "\n-- +goose Down\n")
		assert.Contains(t, dry.stdout, "-- "+name+"\n"+strings.TrimSpace(up)+"\n")
	}

	e["DATABASE_URL"] = platformtest.Database(t, apptest.Migrated)
	assert.Equal(t, "-- nothing to do\n", run(t, t.TempDir(), e, "migrate", "up", "--dry-run").stdout)
	_, err = apptest.Superuser(t, e["DATABASE_URL"]).ExecContext(t.Context(), "update goose_db_version set checksum = 'other' where version_id = 6")
	require.NoError(t, err)
	for _, args := range [][]string{{"migrate", "up", "--dry-run"}, {"migrate", "up"}} {
		changed := run(t, t.TempDir(), e, args...)
		assert.Equal(t, 1, changed.code)
		assert.Empty(t, changed.stdout)
		assert.Contains(t, changed.stderr, "migration 00006_login_failures.sql was changed after it had been applied")
	}
	assert.Regexp(t, `(?m)^6 +changed +00006_login_failures.sql$`, run(t, t.TempDir(), e, "migrate", "status").stdout)
}

// login creates a role on the server of dsn and returns the DSN with it, and its name.
func login(t testing.TB, dsn, options string) (as, name string) {
	t.Helper()
	name, secret := "integration_"+strings.ToLower(rand.Text()), rand.Text()
	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), "create role "+name+" login password '"+secret+"' "+options)
	require.NoError(t, err)
	return platformtest.As(t, dsn, name, secret), name
}

func TestHintReachesTheOperator(t *testing.T) {
	t.Parallel()
	server := platformtest.NewPrivateServer(t) // without the role of the application, which belongs to the server
	dsn, name := login(t, server.DSN(), "")
	_, err := apptest.Superuser(t, server.DSN()).ExecContext(t.Context(), "grant create on schema public to "+name)
	require.NoError(t, err)
	res := run(t, t.TempDir(), env{"APP_ENVIRONMENT": "production", "DATABASE_URL": dsn}, "migrate", "up")
	assert.Equal(t, 1, res.code)
	assert.Contains(t, res.stderr, "(hint: Have somebody who may run: create role app_role nologin)")
	assert.Equal(t, 1, strings.Count(res.stderr, "hint:"), "one error")
}

func TestLoginOutsideTheRoleIsRefused(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	outside, name := login(t, dsn, "")
	t.Cleanup(func() {
		_, err := apptest.Superuser(t, dsn).ExecContext(context.Background(), "drop role "+name)
		assert.NoError(t, err)
	})
	s := launch(t, t.TempDir(), env{"APP_ENVIRONMENT": "production", "AUTH_JWT_PRIVATE_KEY": signingKey(t)}.list(outside))
	assert.Equal(t, 2, s.exit(t))
	_, statement, found := strings.Cut(s.await(t, "pool_initialization_failed")["error"].(string), "run: ")
	require.True(t, found, s.dump())
	assert.Equal(t, "grant app_role to "+name, statement)
}

// A start in a subdirectory of a project must not make a database of its own.
func TestDataIsInTheRootOfTheModule(t *testing.T) {
	t.Parallel()
	root := scratch(t)
	file(t, root, "go.mod", "module example.com/project\n")
	below := filepath.Join(root, "cmd", "api")
	require.NoError(t, os.MkdirAll(below, 0o755))
	s := launchEmbedded(t, below)
	assert.DirExists(t, filepath.Join(root, ".data", "postgres"))
	assert.NoDirExists(t, filepath.Join(below, ".data"))
	s.stop(t)
}
