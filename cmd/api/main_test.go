package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/migrations"
)

// execute runs a command with this environment and nothing else.
func execute(t *testing.T, environment map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir()) // where there is no .env
	var out, log bytes.Buffer
	code = run(t.Context(), args, &out, &log, func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}, nil)
	return code, out.String(), log.String()
}

func TestEnvExampleIsTheCommittedFile(t *testing.T) {
	committed, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	code, stdout, stderr := execute(t, nil, "env", "example")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, stderr)
	assert.Equal(t, string(committed), stdout, "go run ./cmd/api env example > .env.example")
}

func TestVersion(t *testing.T) {
	code, stdout, _ := execute(t, nil, "version")
	assert.Equal(t, exitOK, code)
	schema, err := db.Latest(migrations.Files)
	require.NoError(t, err)
	for _, line := range []string{"version", "revision", fmt.Sprintf("schema   %d\n", schema), "go       go1."} {
		assert.Contains(t, stdout, line)
	}
}

func TestExitCodes(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		code int
		text string
	}{
		"unknown command":     {nil, []string{"frobnicate"}, exitUsage, "frobnicate"},
		"unknown flag":        {nil, []string{"version", "--frob"}, exitUsage, "--frob"},
		"too many arguments":  {nil, []string{"version", "more"}, exitUsage, "more"},
		"a group alone":       {nil, []string{"migrate"}, exitUsage, "api migrate --help"},
		"another group alone": {nil, []string{"env"}, exitUsage, "api env --help"},
		"bad configuration":   {map[string]string{"DB_POOL_SIZE": "-1"}, []string{"migrate", "up"}, exitUsage, "DB_POOL_SIZE"},
		"nobody listens":      {map[string]string{"HTTP_ADDR": "127.0.0.1:1"}, []string{"healthcheck"}, exitFailure, "127.0.0.1:1"},
		"healthcheck, secrets elsewhere": {map[string]string{"HTTP_ADDR": "127.0.0.1:1", "APP_ENVIRONMENT": "production", "AZURE_KEY_VAULT_URL": "https://vault.invalid"},
			[]string{"healthcheck"}, exitFailure, "127.0.0.1:1"},
		"healthcheck, bad addr": {map[string]string{"HTTP_ADDR": "nowhere"}, []string{"healthcheck"}, exitUsage, "HTTP_ADDR"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := execute(t, tt.env, tt.args...)
			assert.Equal(t, tt.code, code)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tt.text)
		})
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	code, stdout, _ := execute(t, nil, "--help")
	assert.Equal(t, exitOK, code)
	for _, name := range []string{"serve", "migrate", "env", "healthcheck", "version"} {
		assert.Contains(t, stdout, "\n  "+name)
	}
}

func TestLocal(t *testing.T) {
	for addr, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "127.0.0.1:1", "10.0.0.1:1": "10.0.0.1:1", "localhost:1": "localhost:1",
	} {
		assert.Equal(t, want, local(addr), addr)
	}
}
