package platformtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeDocker implements the API of an engine for pulling an image.
type fakeDocker struct {
	has, pull string // the existing image; the answer to a pull
}

func (d *fakeDocker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Api-Version", "1.44")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
	case d.has != "" && strings.Contains(r.URL.Path, "/images/"+d.has+"/json"):
		_, _ = io.WriteString(w, `{"Id":"sha256:1"}`)
	case strings.HasSuffix(r.URL.Path, "/images/create") && d.pull != "":
		_, _ = io.WriteString(w, d.pull)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"there is no such thing"}`)
	}
}

func (d *fakeDocker) client(t *testing.T) *client.Client {
	t.Helper()
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	docker, err := client.New(client.WithHost("tcp://"+strings.TrimPrefix(server.URL, "http://")), client.WithHTTPClient(server.Client()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, docker.Close()) })
	return docker
}

func TestEnsureImage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		engine *fakeDocker
		failed string
	}{
		"it is there":        {&fakeDocker{has: "postgres:17"}, ""},
		"it is pulled":       {&fakeDocker{pull: `{"status":"Download complete"}` + "\n"}, ""},
		"no registry":        {&fakeDocker{}, "there is no such thing"},
		"the download fails": {&fakeDocker{pull: `{"errorDetail":{"message":"no space"},"error":"no space"}` + "\n"}, "no space"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ensureImage(t.Context(), test.engine.client(t), "postgres:17")
			if test.failed == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "pull postgres:17: ")
			require.ErrorContains(t, err, test.failed)
		})
	}
}

// Without an engine that has the image or can pull it, this checks the error that makes the next provider start.
func TestContainer(t *testing.T) {
	t.Parallel()
	r, err := startContainer(t.Context(), os.Getenv("TEST_POSTGRES_IMAGE"))
	if err != nil {
		require.Regexp(t, "Docker|pull|container", err)
		return
	}
	require.NoError(t, r.connect(t.Context()))
	assert.Contains(t, r.origin, "from a container (")
	assert.Regexp(t, "docker rm -fv [0-9a-f]{12}$|TESTCONTAINERS_RYUK_DISABLED=true", r.keep())
	require.NoError(t, r.admin.Close())
	require.NoError(t, r.stop(t.Context()))
}

func TestContainerOfNoImage(t *testing.T) {
	t.Parallel()
	_, err := startContainer(t.Context(), "localhost:1/no/such:image")
	require.Error(t, err)
}
