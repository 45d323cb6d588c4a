// Package integration tests the service from the outside: the built binary, its HTTP interface, its
// log and its exit codes, on a real PostgreSQL provided by package platformtest.
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
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(suite{m}) }

// suite builds the service before the tests run.
type suite struct{ tests *testing.M }

// binary is the path of the built service.
var binary string

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the service:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "api")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/api").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the service: %v\n%s", err, out)
		return 1
	}
	return s.tests.Run()
}

const (
	soon  = 20 * time.Second       // timeout for events that are expected at once, on a busy machine
	later = 200 * time.Millisecond // wait for events that must not happen
)

// service is a running process of the built binary.
type service struct {
	cmd    *exec.Cmd
	client client
	dsn    string // of its database, with a superuser
	admin  string
	exited chan struct{}
	stderr bytes.Buffer // read it after exited

	mu    sync.Mutex
	cond  *sync.Cond
	log   []map[string]any
	raw   []string // lines that are not JSON
	ended bool
}

// env holds environment variables of a process, in addition to those of list.
type env map[string]string

func (e env) list(dsn string) []string {
	all := env{
		"APP_ENVIRONMENT": "testing", "HTTP_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "DATABASE_URL": dsn,
		"LOG_LEVEL": "debug", "PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"),
		"RATELIMIT_RATE": "100000", // part:ratelimit
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

// start runs the service on its own migrated database, see startOn.
func start(t testing.TB, e env) *service {
	t.Helper()
	return startOn(t, platformtest.Database(t, apptest.Migrated), e)
}

// startOn runs the service on a database and returns when it has logged service_started.
func startOn(t testing.TB, dsn string, e env) *service {
	t.Helper()
	s := launch(t, t.TempDir(), append(e.list(dsn), throughPooler(t, dsn)...))
	s.dsn = dsn
	started := s.await(t, "service_started")
	s.client = client{t: t, base: "http://" + started["addr"].(string)}
	if admin, ok := started["admin_addr"].(string); ok {
		s.admin = "http://" + admin
	}
	return s
}

// launch runs the binary in dir with exactly this environment. The process is killed at the end of
// the test.
func launch(t testing.TB, dir string, environment []string, args ...string) *service {
	t.Helper()
	s := prepare(dir, environment, args...)
	s.run(t)
	return s
}

// prepare is launch up to the start, for changes to the command.
func prepare(dir string, environment []string, args ...string) *service {
	s := &service{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	s.cond = sync.NewCond(&s.mu)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = dir, environment, &s.stderr
	return s
}

func (s *service) run(t testing.TB) {
	t.Helper()
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	go func() {
		defer close(s.exited)
		s.read(stdout)
		_ = s.cmd.Wait() // see exit
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
		if t.Failed() {
			t.Logf("the service's log:\n%s\n%s", s.dump(), s.stderr.String())
		}
	})
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

// events returns the log lines with an event so far.
func (s *service) events(event string) (list []map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.eventsLocked(event)
}

// eventsLocked is like events, for callers that hold the lock.
func (s *service) eventsLocked(event string) (list []map[string]any) {
	for _, line := range s.log {
		if line["event"] == event {
			list = append(list, line)
		}
	}
	return list
}

// order returns the order in the log of an event and of the requests with a method.
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

// await waits for a log line with an event and returns the first one.
func (s *service) await(t testing.TB, event string) map[string]any {
	t.Helper()
	return s.awaitThat(t, event, func(map[string]any) bool { return true })
}

// awaitThat waits for a log line with an event that fulfills wanted and returns the first one. It
// holds the lock during wanted.
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

// output returns the lines on stdout that are not JSON.
func (s *service) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.raw, "\n")
}

func (s *service) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(sig))
}

// suspend stops the process until SIGCONT, and returns when all its threads have stopped.
func (s *service) suspend(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	var status syscall.WaitStatus
	_, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped())
}

// exit waits for the process to exit and returns its exit code.
func (s *service) exit(t testing.TB) int {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(3 * soon):
		t.Fatal("the service did not exit")
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop sends SIGTERM and asserts that the service exits with code 0.
func (s *service) stop(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	require.Zero(t, s.exit(t), s.stderr.String())
}

// ready waits until /readyz reports ready, or not ready.
func (s *service) ready(t testing.TB, want bool) {
	t.Helper()
	status := http.StatusOK
	if !want {
		status = http.StatusServiceUnavailable
	}
	platformtest.Eventually(t, soon, func() error {
		if got := s.client.get("/readyz").status; got != status {
			return fmt.Errorf("/readyz returned %d, want %d", got, status)
		}
		return nil
	})
}

// ran is the result of a command.
type ran struct {
	code           int
	stdout, stderr string
}

// run runs the binary in dir with only PATH and e as its environment, and waits for it.
func run(t testing.TB, dir string, e env, args ...string) ran {
	t.Helper()
	return runWithInput(t, dir, e, "", args...)
}

func runWithInput(t testing.TB, dir string, e env, input string, args ...string) ran {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(input), &stdout, &stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range e {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		require.NoError(t, err)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
