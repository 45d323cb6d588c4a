package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// executeKeys runs a keys command by itself.
func executeKeys(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out strings.Builder
	cmd := (&program{stdout: &out, stderr: &out}).keysCommand()
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestKeysGenerate(t *testing.T) {
	t.Parallel()
	for _, alg := range []auth.Algorithm{auth.RS256, auth.RS384, auth.RS512, auth.ES256, auth.ES384, auth.ES512, auth.EdDSA} {
		dir := filepath.Join(t.TempDir(), "new", "keys")
		stdout, err := executeKeys(t, "generate", "--alg", strings.ToLower(string(alg)), "--out", dir)
		require.NoError(t, err)

		private, err := os.ReadFile(filepath.Join(dir, "jwt-private.pem"))
		require.NoError(t, err)
		key, err := auth.ParsePrivateKey(private)
		require.NoError(t, err)
		public, err := os.ReadFile(filepath.Join(dir, "jwt-public.pem"))
		require.NoError(t, err)
		publics, err := auth.ParsePublicKeys(public)
		require.NoError(t, err)
		require.Len(t, publics, 1)
		require.Equal(t, key.Public(), publics[0])
		_, err = auth.NewKeySet(alg, key, publics...)
		require.NoError(t, err, "the configuration takes them")
		id, err := auth.Thumbprint(key.Public())
		require.NoError(t, err)

		assert.Equal(t, "private "+dir+"/jwt-private.pem\npublic  "+dir+"/jwt-public.pem\nkid     "+id+"\n", stdout)
		for path, mode := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, dir + "/jwt-private.pem": 0o600, dir + "/jwt-public.pem": 0o644} {
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, mode, info.Mode(), path)
		}
	}
}

func TestKeysGenerateOverwritesNothing(t *testing.T) {
	t.Parallel()
	for _, there := range []string{privateKeyFile, publicKeyFile} {
		dir := t.TempDir()
		path := filepath.Join(dir, there)
		require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
		stdout, err := executeKeys(t, "generate", "--alg", "ES256", "--out", dir)
		require.ErrorIs(t, err, os.ErrExist)
		assert.ErrorContains(t, err, path+": file exists (keys are not overwritten: remove it, or choose another directory)")
		assert.Equal(t, exitFailure, exitCode(err))
		assert.Empty(t, stdout)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "precious", string(content))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Len(t, entries, 1, "no half of a pair is left")
	}
}

func TestKeysUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		nil, {"generate"}, {"generate", "--out", ""}, {"generate", "--alg", "HS256", "--out", t.TempDir()}, {"generate", "more", "--out", t.TempDir()},
	} {
		stdout, err := executeKeys(t, args...)
		require.Error(t, err, args)
		assert.Equal(t, exitUsage, exitCode(err), args)
		assert.Empty(t, stdout)
		assert.NotContains(t, err.Error(), "HS256")
	}
	_, err := executeKeys(t, "generate", "--alg", "ES256", "--out", "/dev/null/keys")
	require.Error(t, err)
	assert.Equal(t, exitFailure, exitCode(err))
}
