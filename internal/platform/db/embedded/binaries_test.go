package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

// fakeBinaries returns a directory of programs that only print a version.
func fakeBinaries(t *testing.T, version string, programs ...string) string {
	t.Helper()
	dir := publicDir(t)
	for _, program := range programs {
		script := "#!/bin/sh\necho '" + program + " " + version + "'\n"
		require.NoError(t, embedded.WriteProgram(filepath.Join(dir, program), []byte(script)))
	}
	return dir
}

func TestInspect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ dir, want string }{
		"old":         {fakeBinaries(t, "(PostgreSQL) 14.20", "postgres", "initdb"), "15 or newer is needed"},
		"client only": {fakeBinaries(t, "(PostgreSQL) 17.1", "initdb"), "postgres"},
		"no initdb":   {fakeBinaries(t, "(PostgreSQL) 17.1", "postgres"), "initdb"},
		"other":       {fakeBinaries(t, "MySQL", "postgres", "initdb"), "not PostgreSQL"},
		"empty":       {publicDir(t), "no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := embedded.Inspect(t.Context(), test.dir)
			require.ErrorContains(t, err, test.want)
		})
	}
	b, err := embedded.Inspect(t.Context(), fakeBinaries(t, "(PostgreSQL) 18beta1 (Debian)", "postgres", "initdb"))
	require.Error(t, err, "a preview is no release")
	assert.Zero(t, b)
	b, err = embedded.Inspect(t.Context(), fakeBinaries(t, "(PostgreSQL) 99.3 (Debian 99)", "postgres", "initdb"))
	require.NoError(t, err)
	assert.Equal(t, "99.3", b.Version)
	assert.Equal(t, 99, b.Major())
}

func TestBrokenBinaries(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	dir := fakeBinaries(t, "(PostgreSQL) 17.1", "postgres", "initdb")
	o.Binaries = func(ctx context.Context) (embedded.Binaries, error) { return embedded.Inspect(ctx, dir) }
	_, err := embedded.Start(t.Context(), o)
	require.Error(t, err, "an initdb that makes nothing")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "initdb"), []byte("#!/bin/sh\n"+
		"[ \"$1\" = --version ] && echo 'initdb (PostgreSQL) 17.1' && exit\necho broken >&2\nexit 3\n"), 0o755))
	o.Dir = publicDir(t)
	_, err = embedded.Start(t.Context(), o)
	require.ErrorContains(t, err, "broken")
	require.ErrorContains(t, err, "exit status 3")
}

// A canceled start ends initdb with the processes that it has started, and removes what they have made.
func TestCanceledInitdb(t *testing.T) {
	t.Parallel()
	bin := fakeBinaries(t, "(PostgreSQL) 17.1", "postgres", "initdb")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "initdb"), []byte("#!/bin/sh\n"+
		"[ \"$1\" = --version ] && echo 'initdb (PostgreSQL) 17.1' && exit\nsleep 60 &\ntouch began\nwait\n"), 0o755))
	o := scratch(publicDir(t))
	o.Binaries = func(ctx context.Context) (embedded.Binaries, error) { return embedded.Inspect(ctx, bin) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := embedded.Start(ctx, o)
		ended <- err
	}()
	work := filepath.Join(o.Dir, "init-*")
	require.Eventually(t, func() bool {
		began, err := filepath.Glob(filepath.Join(work, "began"))
		return err == nil && len(began) == 1
	}, 20*time.Second, 10*time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(20 * time.Second):
		require.Fail(t, "a process of initdb is still running")
	}
	left, err := filepath.Glob(work)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// The environment is the process's, so these do not run in parallel.
func TestFindOnThePath(t *testing.T) {
	dir := fakeBinaries(t, "(PostgreSQL) 99.1", "postgres", "initdb")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	b, err := embedded.Find(t.Context())
	require.NoError(t, err)
	assert.Equal(t, dir, b.Dir, "the newest")
}

func TestBinariesInTheVersionOfTheDataComeFirst(t *testing.T) {
	o := scratch(publicDir(t))
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
	t.Setenv("PATH", fakeBinaries(t, "(PostgreSQL) 99.1", "postgres", "initdb")+string(os.PathListSeparator)+os.Getenv("PATH"))
	assert.Equal(t, s.Version(), start(t, o).Version())
}
