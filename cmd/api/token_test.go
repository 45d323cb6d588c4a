package main

import (
	"encoding/json"
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

// executeToken runs a token command by itself, in an empty directory.
func executeToken(t *testing.T, environment map[string]string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	t.Chdir(t.TempDir())
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
		Issuer: "netrun-service", Audience: "netrun-api", Policy: access.Policy,
	})
	require.NoError(t, err)
	environment := map[string]string{"AUTH_JWT_ALGORITHM": "ES256", "AUTH_JWT_PRIVATE_KEY": string(pem)}

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
	for name, c := range map[string]struct {
		environment map[string]string
		args        []string
		message     string
	}{
		"a group alone":     {development, nil, "needs a command"},
		"no user":           {development, []string{"issue", "--tenant", tokenTenant}, "--user must be a UUID"},
		"no tenant":         {development, []string{"issue", "--user", tokenUser}, "--tenant must be a UUID"},
		"the nil UUID":      {development, []string{"issue", "--user", "00000000-0000-0000-0000-000000000000", "--tenant", tokenTenant}, "--user must be a UUID"},
		"unknown role":      {development, append(ids, "--role", "root"), "--role must be one of admin, member, owner, viewer"},
		"too short":         {development, append(ids, "--ttl", "59s"), "--ttl must be in 1m0s..24h0m0s"},
		"too long":          {development, append(ids, "--ttl", "24h1s"), "--ttl must be in 1m0s..24h0m0s"},
		"negative":          {development, append(ids, "--ttl", "-1m"), "--ttl must be in 1m0s..24h0m0s"},
		"arguments":         {development, append(ids, "more"), "unknown command"},
		"production":        {map[string]string{"APP_ENVIRONMENT": "Production"}, ids, "refused in production"},
		"bad configuration": {map[string]string{"AUTH_JWT_ALGORITHM": "HS256"}, ids, "AUTH_JWT_ALGORITHM"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, _, err := executeToken(t, c.environment, c.args...)
			require.ErrorContains(t, err, c.message)
			assert.Equal(t, exitUsage, exitCode(err))
			assert.Empty(t, stdout)
		})
	}
}

// Two runs in one directory sign with one key: that of serve.
func TestTokenIssueKeepsTheDevelopmentKey(t *testing.T) {
	stdout, _, err := executeToken(t, map[string]string{"AUTH_JWT_ALGORITHM": "EdDSA"}, "issue", "--user", tokenUser, "--tenant", tokenTenant)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(stdout, "."))
	require.FileExists(t, ".data/signing-key-EdDSA.pem")
}
