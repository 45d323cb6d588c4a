package ratelimit_test

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// events collects the names of logged events, and their lines.
type events struct {
	mu    sync.Mutex
	lines []map[string]any
}

func (e *events) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range bytes.Lines(p) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			return 0, err
		}
		e.lines = append(e.lines, m)
	}
	return len(p), nil
}

// names returns the names of all events so far.
func (e *events) names() (names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range e.lines {
		names = append(names, line["event"].(string))
	}
	return names
}

func newLog(t testing.TB) (logging.Logger, *events) {
	t.Helper()
	e := new(events)
	core, err := logging.NewCore(logging.Options{App: "test", Level: "debug", Format: "json", Output: e})
	require.NoError(t, err)
	return logging.New(core, "ratelimit"), e
}

// newRedis returns a limiter on the Redis at url.
func newRedis(t testing.TB, url string, failClosed bool) (*ratelimit.Redis, *events) {
	t.Helper()
	log, logged := newLog(t)
	r, err := ratelimit.NewRedis(url, ratelimit.NewMemory(), failClosed, log)
	require.NoError(t, err)
	r.Wait()
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r, logged
}

// client returns one of many clients.
func client(i int) (c ratelimit.Client) {
	c[0], c[1], c[2], c[3] = 't', byte(i>>16), byte(i>>8), byte(i)
	return c
}
