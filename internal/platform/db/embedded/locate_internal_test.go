package embedded

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// hideBinaries makes a machine without PostgreSQL of this one. What it changes is the process's.
func hideBinaries(t *testing.T) {
	t.Helper()
	before := patterns
	t.Cleanup(func() { patterns = before })
	patterns = nil
	t.Setenv("PATH", t.TempDir())
}

func TestWithoutBinariesAndNetwork(t *testing.T) {
	var asked string
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		http.NotFound(w, r)
	}))
	defer repository.Close()
	cache, err := os.MkdirTemp("", "embedded-test-")
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(cache)) }()
	o := Options{Download: DownloadOptions{Dir: cache, Repository: repository.URL}}

	found, err := o.locate(t.Context(), 99)
	require.NoError(t, err, "none of the version of the data: the caller explains")
	assert.NotZero(t, found.Major())

	hideBinaries(t)
	_, err = Find(t.Context())
	require.ErrorIs(t, err, ErrNoBinaries)
	_, err = o.locate(t.Context(), 16)
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "404 Not Found")
	for _, advice := range []string{"set DATABASE_URL", "install PostgreSQL", "Docker"} {
		require.ErrorContains(t, err, advice)
	}
	assert.Contains(t, asked, "/"+versions[16]+"/", "the version of the data")
}

func TestDefaultsOfADownload(t *testing.T) {
	t.Parallel()
	assert.Equal(t, defaultRepository, DownloadOptions{}.repository())
	assert.True(t, strings.HasPrefix(DownloadOptions{}.version(), "17."))
	assert.Zero(t, Binaries{}.Major())
}

// available returns server binaries to test with: this machine's, else downloaded ones.
func available(ctx context.Context) (Binaries, error) {
	b, err := Find(ctx)
	if errors.Is(err, ErrNoBinaries) {
		return Download(ctx, DownloadOptions{})
	}
	return b, err
}
