package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	startTimeout = time.Minute // to the first answer, including recovery after a crash
	stopTimeout  = 10 * time.Second
	killTimeout  = 5 * time.Second
	attempts     = 5 // to start

	// Signals of PostgreSQL: a fast shutdown ends sessions, an immediate one also requires recovery
	// at the next start.
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
)

// guardScript shuts the server down when this process ends. It reads one line from a pipe whose
// other end this process holds: "stop" ends the guard, a number of seconds keeps the server that
// long. The end of the pipe without a line means that this process was killed. The process id is
// read after the wait, because a server that has ended removes the file, and again for a server
// that is still starting.
const guardScript = `
read -r left || left=0
[ "$left" = stop ] && exit
while [ "$left" -gt 0 ] && [ -e "$1" ]; do sleep 2; left=$((left - 2)); done
for try in 1 2 3 4 5; do
	read -r pid <"$1" && kill -INT "$pid" && exit
	sleep 1
done`

// process is a running postgres and its guard.
type process struct {
	cmd   *exec.Cmd
	guard *exec.Cmd
	pipe  io.WriteCloser // to the guard
	done  chan struct{}  // closed when postgres has ended
}

// launch runs postgres as a direct child, with its output in the log file. It does not wait for an
// answer.
func (s *Server) launch(ctx context.Context, runAs *account, settings map[string]string) (err error) {
	ctx = context.WithoutCancel(ctx)               // ctx limits the start; the server ends by a signal
	_ = os.Rename(s.dir.log(), s.dir.log()+".old") // the first start has no previous log
	log, err := os.OpenFile(s.dir.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of the server: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }() // the child has its own copy
	p := &process{done: make(chan struct{})}
	p.guard = command(ctx, runAs, s.dir.data(), "/bin/sh", "-c", guardScript, "guard", s.dir.pidFile())
	if p.pipe, err = p.guard.StdinPipe(); err == nil {
		err = p.guard.Start() // first, so that there is no moment without it
	}
	if err != nil {
		return fmt.Errorf("start the guard of the server: %w", err)
	}
	p.cmd = command(ctx, runAs, s.dir.data(), filepath.Join(s.binaries.Dir, "postgres"), s.arguments(settings)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start postgres of %s: %w", s.binaries, err), p.endGuard())
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log and in cmd
		close(p.done)
	}()
	s.process = p
	return nil
}

// arguments returns the command line of postgres, which overrides the configuration file in the
// data: it cannot make the server reachable from other machines.
func (s *Server) arguments(settings map[string]string) []string {
	all := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.port), "unix_socket_directories=",
		"logging_collector=off", "log_destination=stderr", "lc_messages=C", "timezone=UTC",
	}
	for name, value := range settings {
		all = append(all, name+"="+value)
	}
	args := []string{"-D", s.dir.data()}
	for _, setting := range all {
		args = append(args, "-c", setting)
	}
	return args
}

// stop ends postgres by a fast shutdown, else an immediate one, else SIGKILL.
func (p *process) stop(ctx context.Context) error {
	_ = p.cmd.Process.Signal(fastShutdown) // it may have ended already
	if p.ended(ctx, stopTimeout) {
		return p.endGuard()
	}
	for _, signal := range []syscall.Signal{immediateShutdown, syscall.SIGKILL} {
		_ = p.cmd.Process.Signal(signal)
		if p.ended(context.WithoutCancel(ctx), killTimeout) {
			break
		}
	}
	return errors.Join(errors.Sentinel("the server did not shut down in time: the next start recovers"), p.endGuard())
}

func (p *process) ended(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// tellGuard sends a line to the guard, see [guardScript].
func (p *process) tellGuard(line string) error {
	_, err := io.WriteString(p.pipe, line+"\n")
	if err := errors.Join(err, p.pipe.Close()); err != nil {
		return fmt.Errorf("write to the guard of the server: %w", err)
	}
	return nil
}

func (p *process) endGuard() error { return errors.Join(p.tellGuard("stop"), p.guard.Wait()) }

// errEnded is returned when postgres ends before it has answered.
var errEnded = errors.Sentinel("postgres has ended")

// run starts postgres on a free port and waits until it answers. It retries when postgres ends,
// because another program can take the port, and the processes of a killed server need a moment to
// notice.
func (s *Server) run(ctx context.Context, runAs *account, settings map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, runAs, settings)
		if attempt == attempts || !errors.Is(err, errEnded) || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(attempt) * 50 * time.Millisecond)
	}
}

func (s *Server) try(ctx context.Context, runAs *account, settings map[string]string) (err error) {
	if s.port, err = freePort(ctx); err != nil {
		return err
	}
	if err = s.launch(ctx, runAs, settings); err != nil {
		return err
	}
	switch err = s.await(ctx); {
	case err == nil:
		return nil
	case errors.Is(err, errEnded):
		text, _ := os.ReadFile(s.dir.log()) // the error is useful without a log too
		err = fmt.Errorf("%w (%v, %s): %s", err, s.process.cmd.ProcessState, s.binaries, lastLines(text))
		return errors.Join(err, s.process.endGuard())
	}
	return errors.Join(fmt.Errorf("wait for the server to answer: %w", err), s.process.stop(context.WithoutCancel(ctx)))
}

// await returns when the server answers, when it has ended, and when ctx ends.
func (s *Server) await(ctx context.Context) error {
	db, err := sql.Open("postgres", s.DSN("postgres")+"&connect_timeout=5")
	if err != nil {
		return fmt.Errorf("open the server: %w", err)
	}
	defer db.Close() //nolint:errcheck // nothing is lost
	db.SetMaxIdleConns(0)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if refusal, ok := errors.AsType[*pq.Error](err); ok && refusal.Code.Class() == "28" {
			return fmt.Errorf("%s is not the password of the server: %w", s.dir.password(), err)
		}
		select {
		case <-s.process.done:
			return errEnded
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().(*net.TCPAddr).Port, nil //nolint:errcheck // its type for "tcp4"
}
