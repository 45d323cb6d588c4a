package integration

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestEveryProblemOfTheConfigurationAtOnce(t *testing.T) {
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
	assert.NotContains(t, text+s.dump(), "canary", "no value is shown")
	failed := s.await(t, "config_validation_failed")
	assert.GreaterOrEqual(t, len(failed["fields"].([]any)), len(bad)-1)
}

func TestProductionNeedsItsSecrets(t *testing.T) {
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
	assert.Contains(t, s.stderr.String(), "DATABASE_URL: must not be a placeholder, nor hold a password that is one")
	assert.NotContains(t, s.stderr.String()+s.dump(), "changeme")
}

func TestSuperuserIsRefusedInProduction(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	// One of its own: that of the server may have a password which is refused as well.
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
	assert.Contains(t, s.stderr.String(), "superuser")
	assert.Empty(t, s.events("service_started"))
}

func TestProductionWithARoleOfItsOwn(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	_, err := apptest.Superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role integration_login login password 'integration' in role app_role;
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	s := startOn(t, platformtest.As(t, dsn, "integration_login", "integration"), env{"APP_ENVIRONMENT": "production", "AUTH_JWT_PRIVATE_KEY": signingKey(t)})
	ada := s.client.register()
	ada.note("in production")
	assert.Equal(t, []string{"in production"}, ada.titles(""))
	s.stop(t)
}

func TestSourcesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "dsn")
	require.NoError(t, os.WriteFile(file, []byte(platformtest.Database(t, apptest.Migrated)+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("APP_NAME=from-dotenv\nLOG_LEVEL=debug\n"), 0o600))
	s := launch(t, dir, env{"DATABASE_URL_FILE": file, "LOG_LEVEL": "info"}.list(""))
	started := s.await(t, "service_started")
	assert.Equal(t, "from-dotenv", started["app"])
	assert.Empty(t, s.events("query"), "the environment beats the file")
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
