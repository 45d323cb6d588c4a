package embedded

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server whose port is taken at the last moment is started again on another one.
func TestStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	found, err := available(t.Context())
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "embedded-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))

	// A postgres that finds its port taken, the first time.
	script := `#!/bin/sh
if [ "$1" != --version ] && [ ! -e "$2/tried" ]; then
	touch "$2/tried"
	echo 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use' >&2
	exit 1
fi
exec ` + found.path("postgres") + ` "$@"
`
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "postgres"), []byte(script), 0o755))
	initdb := "#!/bin/sh\nexec " + found.path("initdb") + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "initdb"), []byte(initdb), 0o755))

	s, err := Start(t.Context(), Options{
		Dir: filepath.Join(dir, "data"), Scratch: true,
		Binaries: func(ctx context.Context) (Binaries, error) { return Inspect(ctx, bin) },
	})
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(s.dir.data(), "tried"))
	previous, err := os.ReadFile(s.dir.log() + ".old")
	require.NoError(t, err)
	assert.Contains(t, string(previous), "already in use")
	require.NoError(t, s.Stop(t.Context()))
}
