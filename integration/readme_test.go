package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tour in the README is run word for word, with the address of this test's service in place of localhost:8080.
func TestTourOfTheREADME(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```sh\n")
	require.True(t, found)
	tour, _, found := strings.Cut(rest, "```")
	require.True(t, found)

	s := start(t, nil)
	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", strings.ReplaceAll(tour, "localhost:8080", strings.TrimPrefix(s.client.base, "http://")))
	shell.Dir = t.TempDir()
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, want := range []string{
		`"role":"owner"`, `"notes:read"`, `"title":"First note"`, `"items":[{"id":`, `"title":"Renamed"`,
		`"code":"PRECONDITION_FAILED"`, `"code":"VALIDATION_ERROR"`, `"email":"bob@example.com"`, `"event":"api_key_created"`, `"event":"member_added"`, `"code":"AUTH_TOKEN_REVOKED"`, `{"status":"ok"}`, `{"status":"ready"`,
	} {
		assert.Contains(t, string(out), want)
	}
	assert.NotContains(t, string(out), "Too late")
}

// Every test that the README names is there.
func TestPromisesOfTheREADMEAreTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "grep", "-rhoE", "^func (Test[A-Za-z0-9]+)", "..", "--include=*_test.go").Output()
	require.NoError(t, err)
	have := strings.Fields(string(out))
	for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == '`' || r == ' ' || r == ',' || r == '|' }) {
		if strings.HasPrefix(word, "Test") {
			assert.Contains(t, have, word)
		}
	}
}
