package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tour runs the tour of the README and returns its output.
func tour(t *testing.T, dir, url string) (string, error) {
	t.Helper()
	script, err := filepath.Abs("../scripts/tour")
	require.NoError(t, err)
	shell := exec.CommandContext(t.Context(), "bash", script, url)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	return string(out), err
}

func TestREADMETourRunsTwice(t *testing.T) {
	t.Parallel()
	s, dir := start(t, nil), t.TempDir()
	for range 2 {
		out, err := tour(t, dir, s.client.base)
		require.NoError(t, err, out)
		for _, want := range []string{
			`"role":"owner"`, `"users:read"`, `"items":[{"id":`,
			`"title":"First note"`, `"title":"Renamed"`, `"code":"PRECONDITION_FAILED"`, // part:notes
			`"code":"VALIDATION_ERROR"`, `"role":"viewer"`, `"event":"api_key_revoked"`, `"event":"member_added"`,
			`"code":"AUTH_TOKEN_REVOKED"`, `{"status":"ok"}`, `{"status":"ready"`,
		} {
			assert.Contains(t, out, want)
		}
		assert.NotContains(t, out, "Too late") // part:notes
		assert.True(t, strings.HasSuffix(out, "}\n"))
		header := map[string][2]string{"access_token": {"Authorization", "Bearer "}, "key": {"X-API-Key", ""}}
		for _, found := range regexp.MustCompile(`"(access_token|key)":"([^"]+)"`).FindAllStringSubmatch(out, -1) {
			h := header[found[1]]
			res := s.client.do(request{method: "GET", path: "/v1/me", header: map[string]string{h[0]: h[1] + found[2]}})
			assert.Equal(t, http.StatusUnauthorized, res.status, "the %s is still valid", found[1])
		}
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "files could contain tokens")
}

func TestREADMETourStopsAtAFailure(t *testing.T) {
	t.Parallel()
	out, err := tour(t, t.TempDir(), "http://127.0.0.1:1")
	require.Error(t, err)
	assert.Contains(t, out, "curl: (7)")

	s := start(t, env{"HTTP_BODY_LIMIT": "60B"})
	out, err = tour(t, t.TempDir(), s.client.base)
	require.Error(t, err)
	assert.Contains(t, out, `"code":"PAYLOAD_TOO_LARGE"`, "the response of the failed request")
	assert.True(t, strings.HasSuffix(out, "the status of POST /v1/auth/register is 413 and not 201\n"), out)
}

func TestREADMENamesExistingTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "grep", "-rhoE", "^func (Test[A-Za-z0-9]+)", "..", "--include=*_test.go").Output()
	require.NoError(t, err)
	have := strings.Fields(string(out))
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(text), -1) {
		assert.True(t, slices.Contains(have, name), "README.md names %s, which does not exist", name)
	}
}
