package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// envFile writes a file and returns its absolute path, since execute changes the directory.
func envFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Files in NAME_FILE variables exist where the service runs, not where the file is validated.
func TestEnvValidateAcceptsAProductionFile(t *testing.T) {
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
	assert.Empty(t, stderr)
}

func TestEnvValidatePrintsNoValue(t *testing.T) {
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
		for _, want := range []string{"DB_POOL_SIZE", "LOG_LEVEL", "AUTH_JWT_PRIVATE_KEY", "duplicate_key", "quote"} {
			assert.Contains(t, stdout, want)
		}
	}
}

func TestEnvValidateStrictRejectsWarnings(t *testing.T) {
	path := envFile(t, "dev.env", "APP_NAME = a\n")
	for _, strict := range []bool{false, true} {
		args := []string{"env", "validate", "--env", path, "--level", "development", "--format", "json"}
		want := exitOK
		if strict {
			args, want = append(args, "--strict"), exitFailure
		}
		code, stdout, stderr := execute(t, nil, args...)
		assert.Equal(t, want, code)
		assert.Contains(t, stdout, `"valid": true`)
		assert.Equal(t, strict, strings.Contains(stderr, "api: --strict: the file has warnings"), stderr)
	}
}

func TestEnvValidateReadsNoDevices(t *testing.T) {
	dir, good := t.TempDir(), envFile(t, "good.env", "A=1\n")
	for _, args := range [][]string{{"--env", "/dev/zero"}, {"--env", good, "--schema", "/dev/null"}, {"--env", good, "--schema", dir}} {
		code, stdout, stderr := execute(t, nil, append([]string{"env", "validate"}, args...)...)
		assert.Equal(t, exitUsage, code, args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "not a regular file")
	}
}

func TestEnvSchemaDoesNotOverwriteDirectories(t *testing.T) {
	from, dir := envFile(t, "a.env", "A=1\n"), t.TempDir()
	code, _, stderr := execute(t, nil, "env", "schema", "--from", from, "--out", dir, "--overwrite")
	assert.Equal(t, exitFailure, code)
	assert.NotContains(t, stderr, "--overwrite", "the flag is already set")
}

func TestEnvSchemaAndDiffRejectFilesWithSyntaxErrors(t *testing.T) {
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
	before, err := os.ReadFile(schema)
	require.NoError(t, err)
	other := envFile(t, "other.env", "NAME=x\n")
	code, _, stderr := execute(t, nil, "env", "schema", "--from", other, "--out", schema)
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, "file exists (use --overwrite to replace it)")
	after, err := os.ReadFile(schema)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	code, _, stderr = execute(t, nil, "env", "schema", "--from", other, "--out", schema, "--overwrite")
	assert.Equal(t, exitOK, code, stderr)
	after, err = os.ReadFile(schema)
	require.NoError(t, err)
	assert.Contains(t, string(after), "NAME")
	entries, err := os.ReadDir(filepath.Dir(schema))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file remains")
	info, err := os.Stat(schema)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode().Perm())
}
