package platformtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeDocker is as much of an engine as pulling an image and removing containers takes.
type fakeDocker struct {
	has, pull string           // the image that is there; what a pull answers
	list      []map[string]any // the containers

	mu       sync.Mutex
	requests []string
}

func (d *fakeDocker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the version
	d.requests = append(d.requests, r.Method+" "+path)
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Api-Version", "1.44")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
	case d.has != "" && strings.Contains(r.URL.Path, "/images/"+d.has+"/json"):
		_, _ = io.WriteString(w, `{"Id":"sha256:1"}`)
	case strings.HasSuffix(r.URL.Path, "/images/create") && d.pull != "":
		_, _ = io.WriteString(w, d.pull)
	case strings.HasSuffix(r.URL.Path, "/containers/json") && d.list != nil:
		_ = json.NewEncoder(w).Encode(d.list)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
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

func TestSweepContainers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	engine := &fakeDocker{list: []map[string]any{
		{"Id": "old", "Created": now.Add(-3 * time.Hour).Unix()},
		{"Id": "new", "Created": now.Unix()},
	}}
	require.NoError(t, sweepContainers(t.Context(), engine.client(t), now.Add(-keptFor)))
	removed := slices.DeleteFunc(slices.Clone(engine.requests), func(r string) bool { return !strings.HasPrefix(r, "DELETE") })
	assert.Equal(t, []string{"DELETE containers/old"}, removed)

	err := sweepContainers(t.Context(), new(fakeDocker).client(t), now)
	require.ErrorContains(t, err, "list the containers")
}

// With an engine that has the image or can pull it this runs a container. Without, it sees the next provider get its turn.
func TestContainer(t *testing.T) {
	t.Parallel()
	r, err := startContainer(t.Context(), os.Getenv("TEST_POSTGRES_IMAGE"))
	if err != nil {
		require.Regexp(t, "Docker|pull|container", err)
		return
	}
	s, err := connect(t.Context(), r)
	require.NoError(t, err)
	assert.Contains(t, s.info.Provider, "from a container (")
	assert.Regexp(t, "docker rm -fv [0-9a-f]{12}$|TESTCONTAINERS_RYUK_DISABLED=true", r.keep())
	require.NoError(t, s.admin.Close())
	require.NoError(t, r.stop(t.Context()))
}

func TestContainerOfNoImage(t *testing.T) {
	t.Parallel()
	_, err := startContainer(t.Context(), "localhost:1/no/such:image")
	require.Error(t, err)
}
