package embedded

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// process is a running postgres.
type process struct {
	cmd   *exec.Cmd
	guard *guard        // nil where the kernel watches over it
	done  chan struct{} // closed when it has ended
	err   error         // how it ended; valid after done
}

// launch runs postgres as a direct child, with its output in the log file. It does not wait until it answers.
func launch(ctx context.Context, dir layout, b Binaries, runner *account, port int, o Options) (_ *process, err error) {
	log, err := openLog(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }() // the child has its own
	// Not ctx, which is only for the start: the server ends by a signal, never by being killed.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), b.path("postgres"), arguments(dir, port, o.Settings)...) //nolint:gosec // running it is the purpose
	cmd.Dir, cmd.Env = dir.data(), environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes(runner)
	guarded := o.Detachable || !deathSignal
	if !guarded {
		cmd.SysProcAttr = withDeathSignal(cmd.SysProcAttr, fastShutdown)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	if err := p.start(); err != nil {
		return nil, fmt.Errorf("start postgres of %s: %w", b, err)
	}
	if guarded {
		if p.guard, err = watch(ctx, dir, runner); err != nil {
			_ = send(p.cmd.Process.Pid, immediateShutdown)
			<-p.done
			return nil, err
		}
	}
	return p, nil
}

// start keeps the thread that makes the child until the child ends, because the death signal is for the end of that thread,
// and the runtime ends threads as it likes.
func (p *process) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	return <-started
}

// arguments come after the configuration file, so the ones that make the server private cannot be undone by it, and only
// knowingly by settings.
func arguments(dir layout, port int, settings map[string]string) []string {
	all := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    fmt.Sprint(port),
		"unix_socket_directories": "",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"lc_messages":             "C",
		"timezone":                "UTC",
	}
	maps.Copy(all, settings)
	args := []string{"-D", dir.data()}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

// openLog begins a new log and keeps the previous one.
func openLog(dir layout) (*os.File, error) {
	if err := os.Rename(dir.log(), dir.log()+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("keep the previous log: %w", err)
	}
	file, err := os.OpenFile(dir.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of the server: %w", err)
	}
	return file, nil
}
