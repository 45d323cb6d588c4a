package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func file(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEnvValidate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := file(t, dir, "good.env", "APP_ENVIRONMENT=development\nLOG_LEVEL=info\nDB_POOL_SIZE=5\n")
	bad := file(t, dir, "bad.env", "APP_ENVIRONMENT=development\nLOG_LEVEL=canary\n\nDB_POOL_SIZE=canary\nDB_POOL_SIZ=5\n")
	assert.Zero(t, run(t, dir, nil, "env", "validate", "--env", good, "--level", "development").code)

	res := run(t, dir, nil, "env", "validate", "--env", bad, "--level", "development", "--format", "json")
	assert.Equal(t, 1, res.code, res.stderr)
	assert.True(t, json.Valid([]byte(res.stdout)), res.stdout)
	for _, want := range []string{"LOG_LEVEL", "DB_POOL_SIZE", "did you mean DB_POOL_SIZE?"} {
		assert.Contains(t, res.stdout, want)
	}
	assert.NotContains(t, res.stdout+res.stderr, "canary")
	assert.Contains(t, res.stderr, "validation_failed")
	text := run(t, dir, nil, "env", "validate", "--env", bad, "--level", "development")
	assert.Contains(t, text.stdout, "bad.env:2:")
	assert.Contains(t, text.stdout, "bad.env:4:")

	for _, args := range [][]string{
		{"--env", "missing.env"}, {}, {"--env", good, "--level", "moon"}, {"--env", good, "--format", "xml"}, {"--env", good, "--schema", "missing.json"},
	} {
		assert.Equal(t, 2, run(t, dir, nil, append([]string{"env", "validate"}, args...)...).code, "%v", args)
	}
}

func TestEnvSchemaAndDiff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := file(t, dir, "one.env", "PORT=8080\nNAME=api\nAPI_KEY=sk-canary-0123456789abcdef\nGONE=1\n")
	two := file(t, dir, "two.env", "PORT=9090\nNAME=api\nAPI_KEY=sk-kanary-0123456789abcdef\nNEW=1\n")
	schema := filepath.Join(dir, "schema.json")
	require.Zero(t, run(t, dir, nil, "env", "schema", "--from", one, "--out", schema).code)
	assert.Equal(t, 1, run(t, dir, nil, "env", "schema", "--from", one, "--out", schema).code, "an existing file must not be overwritten")
	require.Zero(t, run(t, dir, nil, "env", "schema", "--from", one, "--out", schema, "--overwrite").code)
	written, err := os.ReadFile(schema)
	require.NoError(t, err)
	assert.NotContains(t, string(written), "canary")
	assert.Equal(t, 1, run(t, dir, nil, "env", "validate", "--env", two, "--schema", schema, "--level", "development").code, "GONE is missing")

	res := run(t, dir, nil, "env", "diff", "--env1", one, "--env2", two, "--format", "json")
	require.Zero(t, res.code, res.stderr)
	var diff struct {
		Missing []string                  `json:"missing_in_target"`
		Added   []string                  `json:"added_in_target"`
		Changed map[string]map[string]any `json:"changed_values"`
	}
	require.NoError(t, json.Unmarshal([]byte(res.stdout), &diff), res.stdout)
	assert.Equal(t, []string{"GONE"}, diff.Missing)
	assert.Equal(t, []string{"NEW"}, diff.Added)
	assert.Equal(t, map[string]any{"old": "8080", "new": "9090"}, diff.Changed["PORT"])
	assert.Equal(t, true, diff.Changed["API_KEY"]["secret_differs"])
	assert.NotContains(t, res.stdout, "anary", "secrets are masked")
	assert.Equal(t, 1, run(t, dir, nil, "env", "diff", "--env1", one, "--env2", two, "--fail-on-diff").code)
	assert.Contains(t, run(t, dir, nil, "env", "diff", "--env1", one, "--env2", two, "--no-mask").stdout, "kanary")
}

func TestConfigShow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file(t, dir, ".env", "LOG_LEVEL=debug\n")
	res := run(t, dir, env{"DATABASE_URL": "postgres://u:canary@db/app", "DB_POOL_SIZE": "7"}, "config", "show", "--format", "json")
	require.Zero(t, res.code, res.stderr)
	assert.NotContains(t, res.stdout+res.stderr, "canary")
	var settings []struct{ Variable, Value, Source string }
	require.NoError(t, json.Unmarshal([]byte(res.stdout), &settings), res.stdout)
	found := map[string]string{}
	for _, one := range settings {
		found[one.Variable] = one.Value + " from " + one.Source
	}
	assert.Equal(t, "debug from .env line 1", found["LOG_LEVEL"])
	assert.Contains(t, found["DB_POOL_SIZE"], "7 from environment")
	assert.Contains(t, found["DATABASE_URL"], "[REDACTED] from environment")
	assert.Contains(t, run(t, dir, nil, "config", "show").stdout, "LOG_LEVEL")
}

func TestKeysAndTokens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "keys")
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		dir := filepath.Join(out, alg)
		res := run(t, t.TempDir(), nil, "keys", "generate", "--alg", alg, "--out", dir)
		require.Zero(t, res.code, res.stderr)
		private, err := filepath.Glob(filepath.Join(dir, "*private*"))
		require.NoError(t, err)
		require.Len(t, private, 1)
		info, err := os.Stat(private[0])
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		assert.NotZero(t, run(t, t.TempDir(), nil, "keys", "generate", "--alg", alg, "--out", dir).code, "an existing key must not be overwritten")

		s := start(t, env{"AUTH_JWT_ALGORITHM": alg, "AUTH_JWT_PRIVATE_KEY_FILE": private[0]})
		ada := s.client.register()
		token := run(t, t.TempDir(), env{"AUTH_JWT_ALGORITHM": alg, "AUTH_JWT_PRIVATE_KEY_FILE": private[0], "APP_ENVIRONMENT": "testing", "DATABASE_URL": s.dsn},
			"token", "issue", "--user", ada.userID, "--tenant", ada.tenantID, "--role", "viewer")
		require.Zero(t, token.code, token.stderr)
		viewer := client{t: t, base: ada.base, token: string(bytes.TrimSpace([]byte(token.stdout)))}
		assert.Equal(t, ada.userID, viewer.get("/v1/me").text("id"))
		viewer.get(resources).problem(errors.CodePermissionDenied)
	}
	assert.Equal(t, 2, run(t, dir, nil, "keys", "generate", "--alg", "HS256", "--out", out).code)
	refused := run(t, dir, env{"APP_ENVIRONMENT": "production", "DATABASE_URL": "postgres://db/x", "AUTH_JWT_PRIVATE_KEY": signingKey(t)},
		"token", "issue", "--user", "0191b3c4-0000-7000-8000-000000000001", "--tenant", "0191b3c4-0000-7000-8000-000000000002")
	assert.Equal(t, 2, refused.code)
	assert.Empty(t, refused.stdout)
}
