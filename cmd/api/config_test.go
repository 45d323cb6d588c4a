package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

func TestConfigShow(t *testing.T) {
	key := filepath.Join(t.TempDir(), "dsn")
	require.NoError(t, os.WriteFile(key, []byte("postgres://app:hunter2@db/app\n"), 0o600))
	environment := map[string]string{"DATABASE_URL_FILE": key, "APP_NAME": "shown\x1b[2J\tthe\u202ere", "HTTP_ADDR": ":9"}

	code, stdout, stderr := execute(t, environment, "config", "show")
	require.Equal(t, exitOK, code, stderr)
	assert.Empty(t, stderr)
	lines := strings.Split(stdout, "\n")
	columns := []int{strings.Index(lines[0], "VALUE"), strings.Index(lines[0], "SOURCE"), strings.Index(lines[0], "CHANGES")}
	cells := map[string][]string{}
	for _, line := range lines[1 : len(lines)-1] {
		runes := []rune(line)
		cell := func(from, to int) string { return strings.TrimSpace(string(runes[from:to])) }
		cells[cell(0, columns[0])] = []string{cell(columns[0], columns[1]), cell(columns[1], columns[2]), cell(columns[2], len(runes))}
	}
	assert.Equal(t, []string{"[REDACTED]", "file " + key, "restart"}, cells["DATABASE_URL"])
	assert.Equal(t, []string{"that of DATABASE_URL", "default", "restart"}, cells["DATABASE_LISTEN_URL"])
	assert.Equal(t, []string{":9", "environment", "restart"}, cells["HTTP_ADDR"])
	assert.Equal(t, []string{"info", "default", "live"}, cells["LOG_LEVEL"])
	assert.Equal(t, []string{"development", "default", "live"}, cells["CORS_PRESET"])     // part:cors
	assert.Equal(t, []string{"true", "default", "live"}, cells["CORS_ALLOW_CREDENTIALS"]) // part:cors
	assert.Equal(t, []string{"100", "default", "live"}, cells["RATELIMIT_BURST"])         // part:ratelimit
	assert.Equal(t, `shown\x1b[2J\tthe\u202ere`, cells["APP_NAME"][0], "no control characters")
	assert.NotContains(t, stdout, "hunter2")

	variables, err := config.Describe[app.Config]()
	require.NoError(t, err)
	for _, v := range variables {
		assert.Contains(t, cells, v.Name)
	}
}

func TestConfigShowJSON(t *testing.T) {
	code, stdout, stderr := execute(t, map[string]string{"DATABASE_URL": "postgres://app:hunter2@db/app"}, "config", "show", "--format", "json")
	require.Equal(t, exitOK, code, stderr)
	assert.Empty(t, stderr)
	var settings []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &settings))
	byName := map[any]map[string]any{}
	for _, s := range settings {
		byName[s["variable"]] = s
	}
	assert.Equal(t, map[string]any{
		"variable": "DATABASE_URL", "value": "[REDACTED]", "source": "environment", "secret": true, "live": false,
	}, byName["DATABASE_URL"])
	assert.Equal(t, map[string]any{"variable": "LOG_LEVEL", "value": "info", "source": "default", "secret": false, "live": true}, byName["LOG_LEVEL"])
	assert.NotContains(t, stdout, "hunter2")
}

func TestConfigShowHasWhatIsUsedWhereNothingIsSet(t *testing.T) {
	for environment, want := range map[string]map[string]string{
		"development": {"LOG_FORMAT": "json", "DB_AUTO_MIGRATE": "true", "DATABASE_URL": "an embedded database in .data",
			"AUTH_JWT_PRIVATE_KEY": "a generated key in .data", "AUTH_JWT_ISSUER": "billing"},
		"testing":    {"DB_AUTO_MIGRATE": "true", "AUTH_JWT_PRIVATE_KEY": "a new generated key"},
		"production": {"LOG_FORMAT": "json", "DB_AUTO_MIGRATE": "false", "DATABASE_URL": "", "AUTH_JWT_PRIVATE_KEY": ""},
	} {
		_, stdout, _ := execute(t, map[string]string{"APP_NAME": "billing", "APP_ENVIRONMENT": environment}, "config", "show", "--format", "json")
		var settings []config.Setting
		require.NoError(t, json.Unmarshal([]byte(stdout), &settings))
		for _, s := range settings {
			if value, ok := want[s.Variable]; ok {
				assert.Equal(t, value, s.Value, s.Variable)
				assert.Equal(t, value == "", s.Source == "unset", s.Variable)
			}
		}
	}
}

func TestConfigShowHidesNoSettingByMistake(t *testing.T) {
	_, stdout, _ := execute(t, nil, "config", "show")
	assert.NotContains(t, stdout, "[REDACTED]")
}

// An invalid configuration is when somebody needs to see it: stdout has the valid settings, stderr the problems.
func TestConfigShowPrintsAnInvalidConfiguration(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		code, stdout, stderr := execute(t, map[string]string{
			"DB_POOL_SIZE": "hunter2", "HTTP_ADDR": ":9", "APP_ENVIRONMENT": "production", "APP_DEBUG": "yes",
		}, "config", "show", "--format", format)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stdout, ":9")
		assert.NotContains(t, stdout, "must be")
		assert.Contains(t, stderr, "DB_POOL_SIZE: must be a whole number")
		assert.Contains(t, stderr, "APP_DEBUG: must be off in production")
		assert.Contains(t, stderr, "DATABASE_URL: is required")
		assert.NotContains(t, stdout+stderr, "hunter2")
		assert.Equal(t, format == "json", json.Valid([]byte(stdout)))
	}
}

func TestConfigShowSuggestsNamesForUnknownVariables(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errOut bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	code := (&program{nil, &out, &errOut, none, []string{"DATABASE_ULR=hunter2"}}).run(t.Context(), []string{"config", "show"})
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "DATABASE_ULR (environment) is unknown: did you mean DATABASE_URL?\n", errOut.String())
	assert.NotContains(t, out.String(), "hunter2")
}

func TestConfigUsage(t *testing.T) {
	for _, args := range [][]string{{"config"}, {"config", "show", "--format", "xml"}, {"config", "show", "more"}} {
		code, stdout, stderr := execute(t, nil, args...)
		assert.Equal(t, exitUsage, code, args)
		assert.Empty(t, stdout)
		assert.NotEmpty(t, stderr)
	}
}

func TestFailedStartSuggestsNamesForUnknownVariables(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errOut bytes.Buffer
	environment := map[string]string{"APP_ENVIRONMENT": "staging"}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	code := (&program{nil, &out, &errOut, lookup, []string{"DATABASE_ULR=hunter2"}}).run(t.Context(), nil)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, out.String(), `"event":"config_validation_failed"`)
	assert.Contains(t, out.String(), `"variable":"DATABASE_ULR","source":"environment","did_you_mean":"DATABASE_URL"`)
	assert.NotContains(t, out.String()+errOut.String(), "hunter2")
}
