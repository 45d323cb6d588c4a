// Package redistest runs the redis-server of the machine for tests.
package redistest

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Server is a Redis on a free port of 127.0.0.1, without persistence.
type Server struct {
	URL string

	port   string
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
}

// Start runs a server until the end of the test. Without the program redis-server the test is
// skipped, or fails if TEST_REDIS_REQUIRED is set.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		const missing = "redis-server is missing: apt-get install redis-server"
		if os.Getenv("TEST_REDIS_REQUIRED") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port) //nolint:errcheck // the address of a TCP listener
	_ = l.Close()                                      // Restart fails if the port is still in use
	s := &Server{URL: "redis://127.0.0.1:" + port + "/0", port: port}
	t.Cleanup(s.Kill)
	s.Restart(t)
	return s
}

// Kill ends the server with SIGKILL and waits for its end.
func (s *Server) Kill() {
	if s.exited != nil {
		_ = s.cmd.Process.Kill() // an error says that it has ended
		<-s.exited
	}
}

// Restart starts the server again, empty, and returns when it accepts connections.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	var output bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), //nolint:gosec // a port that Start chose
		"redis-server", "--port", s.port, "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", t.TempDir())
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the output says why
		close(exited)
	}()
	s.cmd, s.exited = cmd, exited
	defer time.AfterFunc(20*time.Second, s.Kill).Stop()
	for {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("redis-server ended before it accepted connections: %s", output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
