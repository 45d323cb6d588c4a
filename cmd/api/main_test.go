package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/migrations"
)

// execute runs a command with a process environment, in an empty directory.
func execute(t *testing.T, environment map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	var out, errOut bytes.Buffer
	p := &program{stdout: &out, stderr: &errOut, lookup: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}}
	code = p.run(t.Context(), args)
	return code, out.String(), errOut.String()
}

func TestEnvExampleIsTheCommittedFile(t *testing.T) {
	committed, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	code, stdout, stderr := execute(t, nil, "env", "example")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, stderr)
	assert.Equal(t, string(committed), stdout, "go run ./cmd/api env example > .env.example")
}

// The commands of the README run in a clone in the order in which they are written.
func TestREADMECommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	example, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile(".env.example", example, 0o600))
	ran := 0
	for line := range strings.Lines(string(readme)) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "#")
		if from, ok := strings.CutPrefix(command, "cp "); ok {
			files := strings.Fields(from)
			content, err := os.ReadFile(files[0])
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(files[1], content, 0o600))
		}
		args, ok := strings.CutPrefix(command, "go run ./cmd/api ")
		if !ok {
			continue
		}
		var out bytes.Buffer
		p := &program{stdout: &out, stderr: &out, lookup: func(string) (string, bool) { return "", false }}
		assert.Equal(t, exitOK, p.run(t.Context(), strings.Fields(args)), "%s\n%s", command, &out)
		ran++
	}
	assert.GreaterOrEqual(t, ran, 5)
}

func TestVersion(t *testing.T) {
	code, stdout, _ := execute(t, nil, "version")
	assert.Equal(t, exitOK, code)
	for _, line := range []string{"version", "revision", fmt.Sprintf("schema   %d\n", migrations.Latest()), "go       go1."} {
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
		"unknown command":    {nil, []string{"frobnicate"}, exitUsage, "frobnicate"},
		"unknown flag":       {nil, []string{"version", "--frob"}, exitUsage, "--frob"},
		"too many arguments": {nil, []string{"version", "more"}, exitUsage, "more"},
		"group":              {nil, []string{"migrate"}, exitUsage, "api migrate --help"},
		"other group":        {nil, []string{"env"}, exitUsage, "api env --help"},
		"bad configuration":  {map[string]string{"DB_POOL_SIZE": "-1"}, []string{"migrate", "up"}, exitUsage, "DB_POOL_SIZE"},
		"no listener":        {map[string]string{"HTTP_ADDR": "127.0.0.1:1"}, []string{"healthcheck"}, exitFailure, "127.0.0.1:1"},
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

func TestLocalAddress(t *testing.T) {
	for addr, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "127.0.0.1:1", "10.0.0.1:1": "10.0.0.1:1", "localhost:1": "localhost:1",
	} {
		assert.Equal(t, want, localAddress(addr), addr)
	}
}
