//go:build unix

package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// What NAME_FILE and ENV_FILE may name that holds no value. A pipe that nobody writes to must not hold up the start.
func TestFilesThatHoldNoValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, syscall.Mkfifo(path("pipe"), 0o600))
	require.NoError(t, os.Mkdir(path("folder"), 0o700))
	require.NoError(t, os.WriteFile(path("large"), bytes.Repeat([]byte("x"), 1<<20+1), 0o600))
	require.NoError(t, os.WriteFile(path("binary"), []byte("hunt\x00er2"), 0o600))
	require.NoError(t, os.WriteFile(path("full"), bytes.Repeat([]byte("x"), 1<<20), 0o600))
	for file, want := range map[string]string{
		"pipe":   "names cannot be read: it is not a regular file",
		"folder": "names cannot be read: it is not a regular file",
		"large":  "names cannot be read: it is larger than 1 MiB",
		"none":   "names does not exist",
		"binary": "must not hold a NUL",
	} {
		o := given(vars{"KEY_FILE": path(file), "APP_ENVIRONMENT": "staging"}, nil)
		o.ReadFile = nil
		_, err := config.LoadInto(t.Context(), &plain{}, o)
		require.ErrorContains(t, err, "\n  KEY: ", file)
		require.ErrorContains(t, err, want, file)
		assert.NotContains(t, err.Error(), "er2", file)
	}
	o := given(vars{"ENV_FILE": path("pipe")}, nil)
	o.ReadFile = nil
	assert.Equal(t, []string{"ENV_FILE file"}, problems(t, &plain{}, o))

	var most plain
	o = given(vars{"KEY_FILE": path("full"), "APP_ENVIRONMENT": "staging"}, nil)
	o.ReadFile = nil
	_, err := config.LoadInto(t.Context(), &most, o)
	require.NoError(t, err)
	assert.Len(t, most.Key.Reveal(), 1<<20)
}

// A secret from a file is held to the same rules as one from a variable.
func TestSecretFilesInProduction(t *testing.T) {
	t.Parallel()
	for content, want := range map[string][]string{
		"changeme-changeme-changeme-changeme\n": {"KEY strong"}, "short": {"KEY strong"}, randomSecret + "\n": nil,
	} {
		got := problems(t, &ruled{}, given(vars{"KEY_FILE": "/f", "APP_ENVIRONMENT": "production"}, vars{"/f": content}))
		assert.Equal(t, want, got)
	}
}
