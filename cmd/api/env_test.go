package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// envFile writes a file and returns its path, which lasts through the changes of directory of execute.
func envFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// What NAME_FILE names is where the service runs; a file that is complete for production has nothing to be said of it.
func TestEnvValidateTakesAProductionFile(t *testing.T) {
	path := envFile(t, "prod.env", `APP_ENVIRONMENT=production
DATABASE_URL_FILE=/run/secrets/dsn
AUTH_JWT_PRIVATE_KEY_FILE=/run/secrets/key
AUTH_JWT_ALGORITHM=ES256
AUTH_JWT_ISSUER=netrun
AUTH_ACCESS_TOKEN_TTL=15m
`)
	code, stdout, stderr := execute(t, nil, "env", "validate", "--env", path, "--strict", "--format", "json")
	require.Equal(t, exitOK, code, stdout)
	var result struct {
		Valid    bool  `json:"valid"`
		Findings []any `json:"findings"`
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &result))
	assert.True(t, result.Valid)
	assert.Empty(t, result.Findings)
	assert.Contains(t, stderr, "validation_passed")
}

func TestEnvValidateShowsNoValue(t *testing.T) {
	path := envFile(t, "bad.env", `APP_DEBUG=c4n4ry
DATABASE_URL=postgres://u:c4n4ry@h/d?sslmode=disable
DATABASE_URL_FILE=/c4n4ry
AUTH_JWT_ALGORITHM=c4n4ry
DB_POOL_SIZE=c4n4ry
DB_POOL_SIZ=c4n4ry
DB_POOL_SIZ=c4n4ry 
LOG_LEVEL = c4n4ry
AUTH_JWT_PRIVATE_KEY=c4n4ry
c4n4ry c4n4ry
=c4n4ry
X='c4n4ry`)
	for _, as := range []string{"text", "json"} {
		code, stdout, stderr := execute(t, nil, "env", "validate", "--env", path, "--format", as)
		assert.Equal(t, exitFailure, code)
		assert.NotContains(t, stdout+stderr, "c4n4ry")
		for _, want := range []string{"DB_POOL_SIZE", "LOG_LEVEL", "AUTH_JWT_PRIVATE_KEY", "conflict", "duplicate_key", "quote"} {
			assert.Contains(t, stdout, want)
		}
	}
}

func TestEnvSchemaAndDiffRefuseWhatTheyCannotReadWhole(t *testing.T) {
	good, bad := envFile(t, "good.env", "PORT=1\nPORT=2\n"), envFile(t, "bad.env", "A='c4n4ry\n")
	schema := filepath.Join(t.TempDir(), "schema.json")
	for _, args := range [][]string{
		{"schema", "--from", bad, "--out", schema},
		{"schema", "--from", good, "--out", good, "--overwrite"},
		{"schema", "--from", good},
		{"diff", "--env1", good, "--env2", bad},
		{"diff", "--env1", bad, "--env2", good},
	} {
		code, stdout, stderr := execute(t, nil, append([]string{"env"}, args...)...)
		assert.Equal(t, exitUsage, code, args)
		assert.NotContains(t, stdout+stderr, "c4n4ry")
	}
	code, stdout, _ := execute(t, nil, "env", "schema", "--from", good, "--out", schema)
	assert.Equal(t, exitOK, code)
	assert.Contains(t, stdout, "1 variables")
	info, err := os.Stat(schema)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode().Perm())
}
