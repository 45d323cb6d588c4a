package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// service is a running process of the built binary.
type service struct {
	cmd    *exec.Cmd
	client client
	dsn    string // of its database, as a superuser
	admin  string
	exited chan struct{}
	stderr bytes.Buffer // read it after exited

	mu    sync.Mutex
	cond  *sync.Cond
	log   []map[string]any
	raw   []string // lines that are no JSON: there should be none
	ended bool
}

// env is the environment of a process, on top of what these tests need.
type env map[string]string

func (e env) list(dsn string) []string {
	all := env{
		"APP_ENVIRONMENT": "testing", "HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "DATABASE_URL": dsn,
		"LOG_LEVEL": "debug", "PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"),
	}
	for name, value := range e {
		all[name] = value
	}
	var list []string
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	return list
}

// start runs the service on a migrated database of its own and returns when it is ready.
func start(t testing.TB, e env) *service {
	t.Helper()
	return startOn(t, platformtest.Database(t, apptest.Migrated), e)
}

// startOn runs the service on this database and returns when it says that it has started.
func startOn(t testing.TB, dsn string, e env) *service {
	t.Helper()
	s := launch(t, t.TempDir(), e.list(dsn))
	s.dsn = dsn
	started := s.await(t, "service_started")
	s.client = client{t: t, base: "http://" + started["addr"].(string)}
	if admin, ok := started["admin_addr"].(string); ok {
		s.admin = "http://" + admin
	}
	return s
}

// launch runs the binary in dir with exactly this environment. The process is killed at the end of the test if it has not
// ended by then.
func launch(t testing.TB, dir string, environment []string, args ...string) *service {
	t.Helper()
	s := &service{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	s.cond = sync.NewCond(&s.mu)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = dir, environment, &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	go func() {
		defer close(s.exited)
		s.read(stdout)
		_ = s.cmd.Wait() // the exit code is looked at by those who care
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
		if t.Failed() {
			t.Logf("the service's log:\n%s\n%s", s.dump(), s.stderr.String())
		}
	})
	return s
}

func (s *service) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line map[string]any
		s.mu.Lock()
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			s.raw = append(s.raw, lines.Text())
		} else {
			s.log = append(s.log, line)
		}
		s.mu.Unlock()
		s.cond.Broadcast()
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.cond.Broadcast()
}

// events returns the log lines with this event so far.
func (s *service) events(event string) (list []map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.eventsLocked(event)
}

// eventsLocked is events for the functions of awaitThat, which hold the lock.
func (s *service) eventsLocked(event string) (list []map[string]any) {
	for _, line := range s.log {
		if line["event"] == event {
			list = append(list, line)
		}
	}
	return list
}

// order returns in which order a request with this method and this event are in the log.
func (s *service) order(method, event string) (events []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if line["event"] == event || line["event"] == "http_request" && line["method"] == method {
			events = append(events, fmt.Sprint(line["event"]))
		}
	}
	return events
}

// await returns the first log line with this event, waiting for it.
func (s *service) await(t testing.TB, event string) map[string]any {
	t.Helper()
	return s.awaitThat(t, event, func(map[string]any) bool { return true })
}

// awaitThat returns the first log line with this event that is as wanted, waiting for it.
func (s *service) awaitThat(t testing.TB, event string, wanted func(map[string]any) bool) map[string]any {
	t.Helper()
	alarm := time.AfterFunc(3*soon, s.cond.Broadcast)
	defer alarm.Stop()
	deadline := time.Now().Add(3 * soon)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for _, line := range s.log {
			if line["event"] == event && wanted(line) {
				return line
			}
		}
		if s.ended || !time.Now().Before(deadline) {
			break
		}
		s.cond.Wait()
	}
	t.Fatalf("no %s in the log", event)
	return nil
}

func (s *service) dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, line := range s.log {
		text, _ := json.Marshal(line)
		fmt.Fprintf(&b, "%s\n", text)
	}
	return b.String() + strings.Join(s.raw, "\n")
}

// output returns what the process has written to stdout that is no log.
func (s *service) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.raw, "\n")
}

func (s *service) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(sig))
}

// exit waits for the process to end and returns its exit code.
func (s *service) exit(t testing.TB) int {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(3 * soon):
		t.Fatal("the service does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop ends the service with SIGTERM and expects that it ends well.
func (s *service) stop(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	require.Zero(t, s.exit(t), s.stderr.String())
}

// ready waits until the service says that it is ready, or that it is not.
func (s *service) ready(t testing.TB, want bool) {
	t.Helper()
	status := http.StatusOK
	if !want {
		status = http.StatusServiceUnavailable
	}
	platformtest.Eventually(t, soon, func() error {
		if got := s.client.get("/readyz").status; got != status {
			return fmt.Errorf("/readyz answers %d and should answer %d", got, status)
		}
		return nil
	})
}
