package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

const (
	tokenUser   = "019b0000-0000-7000-8000-000000000001"
	tokenTenant = "019b0000-0000-7000-8000-000000000002"
)

// executeToken runs a token command alone, in the current directory.
func executeToken(t *testing.T, environment map[string]string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, log strings.Builder
	p := &program{stdout: &out, stderr: &log, lookup: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}}
	cmd := p.tokenCommand()
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), log.String(), err
}

func TestTokenIssue(t *testing.T) {
	key, err := auth.GenerateKey(auth.ES256)
	require.NoError(t, err)
	pem, err := auth.MarshalPrivateKey(key)
	require.NoError(t, err)
	keys, err := auth.NewKeySet(auth.ES256, key)
	require.NoError(t, err)
	verifier, err := auth.NewVerifier(auth.NewKeyring(keys), auth.VerifierOptions{
		Issuer: "notes", Audience: "notes-api", Policy: access.Policy,
	})
	require.NoError(t, err)
	environment := map[string]string{"APP_NAME": "notes", "AUTH_JWT_AUDIENCE": "notes-api", "AUTH_JWT_ALGORITHM": "ES256", "AUTH_JWT_PRIVATE_KEY": string(pem)}

	for name, c := range map[string]struct {
		flags []string
		roles []auth.Role
		ttl   time.Duration
	}{
		"defaults":     {nil, []auth.Role{access.RoleMember}, 15 * time.Minute},
		"one role":     {[]string{"--role", "viewer", "--ttl", "24h"}, []auth.Role{access.RoleViewer}, 24 * time.Hour},
		"several":      {[]string{"--role", "owner", "--role=admin", "--role", "owner"}, []auth.Role{access.RoleOwner, access.RoleAdmin}, 15 * time.Minute},
		"the shortest": {[]string{"--ttl", "1m"}, []auth.Role{access.RoleMember}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			stdout, stderr, err := executeToken(t, environment, append([]string{"issue", "--user", tokenUser, "--tenant", tokenTenant}, c.flags...)...)
			require.NoError(t, err)
			who, err := verifier.Verify(t.Context(), strings.TrimSuffix(stdout, "\n"))
			require.NoError(t, err, "stdout holds the token alone")
			assert.Equal(t, tokenUser, who.UserID.String())
			assert.Equal(t, tokenTenant, who.TenantID.String())
			assert.Equal(t, c.roles, who.Roles)
			assert.Zero(t, who.SessionID)
			assert.WithinDuration(t, time.Now().Add(c.ttl), who.ExpiresAt, 10*time.Second)

			var issued map[string]any
			for line := range strings.Lines(stderr) {
				if strings.Contains(line, "token_issued") {
					require.NoError(t, json.Unmarshal([]byte(line), &issued))
				}
			}
			assert.Equal(t, true, issued["audit"])
			assert.Equal(t, tokenUser, issued["user_id"])
			assert.Equal(t, tokenTenant, issued["tenant_id"])
			assert.NotContains(t, stderr, strings.TrimSpace(stdout))
		})
	}
}

func TestTokenIssueRefuses(t *testing.T) {
	ids := []string{"issue", "--user", tokenUser, "--tenant", tokenTenant}
	development := map[string]string{"AUTH_JWT_ALGORITHM": "EdDSA"}
	key, err := auth.GenerateKey(auth.ES256)
	require.NoError(t, err)
	pem, err := auth.MarshalPrivateKey(key)
	require.NoError(t, err)
	production := envFile(t, "prod.env", "APP_ENVIRONMENT=production\nDATABASE_URL=postgres://api:k9mQ2vXt7Lw4cZ8rB5nYd3@db/app\n"+
		"AUTH_JWT_ALGORITHM=ES256\nAUTH_JWT_PRIVATE_KEY='"+string(pem)+"'\n")
	for name, c := range map[string]struct {
		environment map[string]string
		args        []string
		message     string
	}{
		"group":             {development, nil, "needs a command"},
		"no user":           {development, []string{"issue", "--tenant", tokenTenant}, "--user must be a UUID"},
		"no tenant":         {development, []string{"issue", "--user", tokenUser}, "--tenant must be a UUID"},
		"the nil UUID":      {development, []string{"issue", "--user", "00000000-0000-0000-0000-000000000000", "--tenant", tokenTenant}, "--user must be a UUID"},
		"unknown role":      {development, append(ids, "--role", "root"), "--role must be one of [admin member owner viewer]"},
		"too short":         {development, append(ids, "--ttl", "59s"), "--ttl must be between 1m and 24h"},
		"too long":          {development, append(ids, "--ttl", "24h1s"), "--ttl must be between 1m and 24h"},
		"negative":          {development, append(ids, "--ttl", "-1m"), "--ttl must be between 1m and 24h"},
		"arguments":         {development, append(ids, "more"), "unknown command"},
		"production":        {map[string]string{"APP_ENVIRONMENT": "Production"}, ids, "refused in production"},
		"says the file":     {map[string]string{"ENV_FILE": production}, ids, "refused in production"},
		"bad configuration": {map[string]string{"AUTH_JWT_ALGORITHM": "HS256"}, ids, "AUTH_JWT_ALGORITHM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			stdout, _, err := executeToken(t, c.environment, c.args...)
			require.ErrorContains(t, err, c.message)
			assert.Equal(t, exitUsage, exitCode(err))
			assert.Empty(t, stdout)
		})
	}
}

func TestDevelopmentSigningKeyIsKept(t *testing.T) {
	const path = ".data/signing-key-EdDSA.pem"
	environment := map[string]string{"APP_NAME": "notes", "AUTH_JWT_AUDIENCE": "notes-api", "AUTH_JWT_ALGORITHM": "EdDSA"}
	args := []string{"issue", "--user", tokenUser, "--tenant", tokenTenant}
	t.Chdir(t.TempDir())
	first, _, err := executeToken(t, environment, args...)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	second, _, err := executeToken(t, environment, args...)
	require.NoError(t, err)
	header := func(token string) string { before, _, _ := strings.Cut(token, "."); return before }
	assert.Equal(t, header(first), header(second), "both tokens have the kid of one key")

	require.NoError(t, os.WriteFile(path, []byte("no key"), 0o600))
	_, _, err = executeToken(t, environment, args...)
	require.ErrorContains(t, err, "delete the file to get a new key")
}
