package redistest_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit/redistest"
)

// recorder is the test of a fixture that is expected to end it.
type recorder struct {
	testing.TB
	message string
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.message = "skipped: " + fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.message = "failed: " + fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// start returns what Start says when it ends the test.
func start(t *testing.T) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		redistest.Start(r)
	}()
	<-done
	return r.message
}

func TestServerIsKilledAndRestarted(t *testing.T) {
	s := redistest.Start(t)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.URL, "redis://"), "/0")
	accepts := func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	assert.True(t, accepts())
	s.Kill()
	s.Kill() // again is harmless
	assert.False(t, accepts())
	s.Restart(t)
	assert.True(t, accepts())
}

func TestMissingServerSkipsUnlessRequired(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TEST_REDIS_REQUIRED", "")
	assert.Equal(t, "skipped: redis-server is missing: apt-get install redis-server", start(t))
	t.Setenv("TEST_REDIS_REQUIRED", "true")
	assert.Equal(t, "failed: redis-server is missing: apt-get install redis-server", start(t))
}

func TestServerThatDoesNotStartFailsTheTest(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	program := filepath.Join(dir, "redis-server")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho no memory\nexit 1\n"), 0o700))
	assert.Equal(t, "failed: redis-server ended before it accepted connections: no memory\n", start(t))
	require.NoError(t, os.WriteFile(program, []byte("#!"+dir+"/missing\n"), 0o700))
	assert.Contains(t, start(t), "failed: ")
}
