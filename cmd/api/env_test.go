package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
		for _, want := range []string{"DB_POOL_SIZE", "LOG_LEVEL", "AUTH_JWT_PRIVATE_KEY", "duplicate_key", "quote"} {
			assert.Contains(t, stdout, want)
		}
	}
}

func TestEnvValidateSaysWhyWarningsFail(t *testing.T) {
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
		assert.Equal(t, strict, strings.Contains(stderr, "api: the file has warnings, which --strict takes for errors"), stderr)
	}
}

// A pipe that nobody writes to would be waited for, through every signal.
func TestEnvValidateReadsRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	good := envFile(t, "good.env", "A=1\n")
	for _, args := range [][]string{{"--env", pipe}, {"--env", good, "--schema", pipe}, {"--env", good, "--schema", dir}} {
		code, stdout, stderr := execute(t, nil, append([]string{"env", "validate"}, args...)...)
		assert.Equal(t, exitUsage, code, args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "must be a regular file")
	}
}

func TestEnvSchemaOverwritesFilesOnly(t *testing.T) {
	from, dir := envFile(t, "a.env", "A=1\n"), t.TempDir()
	code, _, stderr := execute(t, nil, "env", "schema", "--from", from, "--out", dir, "--overwrite")
	assert.Equal(t, exitFailure, code)
	assert.NotContains(t, stderr, "--overwrite", "that is what was given")
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	for _, entry := range left {
		assert.NotContains(t, entry.Name(), ".schema-")
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
