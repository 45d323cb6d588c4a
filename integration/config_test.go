package integration

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestAllConfigurationProblemsAreReported(t *testing.T) {
	t.Parallel()
	bad := env{
		"APP_ENVIRONMENT": "production", "APP_DEBUG": "true", "LOG_LEVEL": "canary", "HTTP_ADDR": "canary", "HTTP_BODY_LIMIT": "canary",
		"HTTP_TRUSTED_PROXIES": "canary", "HTTP_READ_TIMEOUT": "canary", "DB_POOL_SIZE": "1000", "DB_POOL_TIMEOUT": "canary",
		"AUTH_JWT_ALGORITHM": "HS256", "AUTH_ACCESS_TOKEN_TTL": "24h", "AUTH_JWT_PRIVATE_KEY": "canary",
	}
	s := launch(t, t.TempDir(), bad.list("canary://user:canary@host/name"))
	assert.Equal(t, 2, s.exit(t))
	text := s.stderr.String()
	for name := range bad {
		if name != "APP_ENVIRONMENT" {
			assert.Contains(t, text, name)
		}
	}
	assert.Contains(t, text, "DATABASE_URL")
	assert.NotContains(t, text+s.dump(), "canary", "values must not be printed")
	failed := s.await(t, "config_validation_failed")
	assert.GreaterOrEqual(t, len(failed["fields"].([]any)), len(bad)-1)
}

func TestProductionRequiresSecrets(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"production", "staging"} {
		s := launch(t, t.TempDir(), env{"APP_ENVIRONMENT": environment}.list(""))
		assert.Equal(t, 2, s.exit(t))
		assert.Contains(t, s.stderr.String(), "DATABASE_URL")
		assert.Contains(t, s.stderr.String(), "AUTH_JWT_PRIVATE_KEY")
	}
}

func TestPlaceholderPasswordIsRefusedInProduction(t *testing.T) {
	t.Parallel()
	s := launch(t, t.TempDir(), env{"APP_ENVIRONMENT": "production", "AUTH_JWT_PRIVATE_KEY": signingKey(t)}.list("postgres://api:changeme@127.0.0.1:1/app"))
	assert.Equal(t, 2, s.exit(t))
	assert.Contains(t, s.stderr.String(), "DATABASE_URL: must not be a placeholder or contain a placeholder password")
	assert.NotContains(t, s.stderr.String()+s.dump(), "changeme")
}

func TestSuperuserIsRefusedInProduction(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	// A new role, because the password of the server's superuser may be rejected as weak.
	role, password, server := "integration_"+strings.ToLower(rand.Text()), rand.Text(), apptest.Superuser(t, dsn)
	_, err := server.ExecContext(t.Context(), `create role `+role+` login superuser password '`+password+`'`)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := server.ExecContext(context.Background(), `drop role `+role)
		assert.NoError(t, err)
	})
	dsn = platformtest.As(t, dsn, role, password)
	s := launch(t, t.TempDir(), env{"APP_ENVIRONMENT": "production", "AUTH_JWT_PRIVATE_KEY": signingKey(t)}.list(dsn))
	assert.Equal(t, 2, s.exit(t))
	assert.Contains(t, s.await(t, "pool_initialization_failed")["error"], "superuser")
	assert.Empty(t, s.events("service_started"))
}

func TestProductionWithOwnRole(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role integration_login login password 'integration' in role app_role;
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	s := startOn(t, platformtest.As(t, dsn, "integration_login", "integration"), env{"APP_ENVIRONMENT": "production", "AUTH_JWT_PRIVATE_KEY": signingKey(t)})
	ada := s.client.register()
	ada.create("in production")
	assert.Equal(t, []string{"in production"}, ada.names())
	s.stop(t)
}

// A login that migrates owns the tables. It serves as the role of the service or not at all.
func TestProductionAsOwnerOfTheTables(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	as, name := login(t, dsn, "")
	admin := apptest.Superuser(t, dsn)
	exec := func(statement string) {
		_, err := admin.ExecContext(context.Background(), statement)
		require.NoError(t, err)
	}
	t.Cleanup(func() { exec("drop owned by " + name); exec("drop role " + name) })
	exec("grant create on schema public to " + name)
	exec("do $$ begin create role app_role nologin; exception when duplicate_object or unique_violation then null; end $$")
	e := env{"APP_ENVIRONMENT": "production", "AUTH_JWT_PRIVATE_KEY": signingKey(t), "DB_AUTO_MIGRATE": "true"}
	for range 2 { // also when the tables are there at the start
		s := launch(t, t.TempDir(), e.list(as))
		assert.Equal(t, 2, s.exit(t))
		reason := s.await(t, "pool_initialization_failed")["error"]
		assert.Contains(t, reason, "owns the tables")
		assert.Contains(t, reason, "run: grant app_role to "+name)
		assert.Empty(t, s.events("service_started"))
	}
	exec("grant app_role to " + name)
	s := startOn(t, as, e)
	assert.Equal(t, "app_role", s.await(t, "pool_initialized")["role"])
	ada := s.client.register()
	ada.create("as the role")
	assert.Equal(t, []string{"as the role"}, ada.names())
	s.stop(t)
}

func TestConfigurationSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "dsn")
	require.NoError(t, os.WriteFile(file, []byte(platformtest.Database(t, apptest.Migrated)+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("APP_NAME=from-dotenv\nLOG_LEVEL=debug\n"), 0o600))
	s := launch(t, dir, env{"DATABASE_URL_FILE": file, "LOG_LEVEL": "info"}.list(""))
	started := s.await(t, "service_started")
	assert.Equal(t, "from-dotenv", started["app"])
	assert.Empty(t, s.events("query"), "the environment has precedence over the dotenv file")
	s.stop(t)
}

// Secret managers pass files as pipes, and a pipe can be read only once.
func TestEnvFileIsAPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "secrets.env")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	dsn := platformtest.Database(t, apptest.Migrated)
	write := func(slow string) {
		text := "APP_NAME=from-a-pipe\nDB_SLOW_QUERY=" + slow + "\nDATABASE_URL='" + dsn + "'\n"
		require.NoError(t, os.WriteFile(pipe, []byte(text), 0o600)) // blocks until the service reads
	}
	s := launch(t, dir, env{"ENV_FILE": pipe}.list(""))
	write("200ms")
	assert.Equal(t, "from-a-pipe", s.await(t, "service_started")["app"])
	s.signal(t, syscall.SIGHUP)
	write("300ms")
	assert.Equal(t, []any{"DB_SLOW_QUERY"}, s.await(t, "config_reloaded")["changed"])
	s.stop(t)
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"no-such-command"}, {"serve", "more"}, {"--no-such-flag"}, {"migrate"}, {"migrate", "sideways"}} {
		s := launch(t, t.TempDir(), env{}.list(""), args...)
		assert.Equal(t, 2, s.exit(t), strings.Join(args, " "))
		assert.NotEmpty(t, s.stderr.String())
		assert.Empty(t, s.dump(), "nothing on stdout")
	}
}

func TestReloadAppliesLiveSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("LOG_LEVEL=debug\n")
	e := env{"ENV_FILE": file}
	list := e.list(platformtest.Database(t, apptest.Migrated))
	for i, entry := range list {
		if entry == "LOG_LEVEL=debug" {
			list[i] = "UNUSED=1"
		}
	}
	s := launch(t, t.TempDir(), list)
	s.client = client{t: t, base: "http://" + s.await(t, "service_started")["addr"].(string)}
	ada := s.client.register()
	require.NotEmpty(t, s.events("query"), "debug lines must be written")

	s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)
	s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)

	write("LOG_LEVEL=info\nHTTP_READ_TIMEOUT=7s\nAUTH_MAX_FAILURES=3\nDB_POOL_SIZE=7\n")
	s.signal(t, syscall.SIGHUP)
	line := s.await(t, "config_reloaded")
	assert.ElementsMatch(t, []any{"LOG_LEVEL", "AUTH_MAX_FAILURES", "DB_POOL_SIZE"}, line["changed"])
	assert.EqualValues(t, 7, s.await(t, "pool_reconfigured")["pool_size"])
	s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)
	s.client.guess(ada.email, password).problem(errors.CodeRateLimitExceeded)
	assert.Equal(t, []any{"HTTP_READ_TIMEOUT"}, line["restart_required"])
	before := len(s.events("query"))
	require.Equal(t, http.StatusOK, ada.get(resources).status)
	assert.Len(t, s.events("query"), before, "debug lines must no longer be written")

	write("LOG_LEVEL=canary\n")
	s.signal(t, syscall.SIGHUP)
	refused := s.await(t, "config_validation_failed")
	assert.Equal(t, []any{"LOG_LEVEL"}, refused["fields"])
	assert.Equal(t, "the reload changed nothing: the service keeps its configuration", refused["message"])
	assert.NotContains(t, fmt.Sprint(refused), "canary")
	assert.Equal(t, http.StatusOK, ada.get(resources).status, "the service keeps its configuration")
	s.stop(t)
}
