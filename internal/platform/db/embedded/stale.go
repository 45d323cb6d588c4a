package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// cleanUp removes what a killed process has left: half-made data, and a server that runs or is
// shutting down. The caller holds the lock, so no process owns that server.
func cleanUp(ctx context.Context, dir layout) error {
	halves, _ := filepath.Glob(dir.path("init-*")) // the pattern is well formed
	for _, half := range halves {
		var err error // an initdb that is still running can make files meanwhile
		if !within(ctx, 5*time.Second, func() bool { err = os.RemoveAll(half); return err == nil }) {
			return fmt.Errorf("remove half-made data: %w", err)
		}
	}
	pid := stalePID(dir)
	if err := endStale(ctx, pid, dir); err != nil {
		return err
	}
	// A server that sees the file of one that has ended checks its shared memory and removes the
	// file.
	waited := func() bool { return !exists(pid) || len(commandLine(ctx, pid)) > 0 }
	if pid != 0 && within(ctx, 2*time.Second, waited) && !exists(pid) {
		return nil
	}
	// A server does not start when the file is damaged, when another process has the number now, or
	// when the parent of the ended one has not waited for it.
	if err := os.Remove(dir.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the stale pid file: %w", err)
	}
	return nil
}

// endStale waits for a server of an earlier run to end, then sends it the signals of a shutdown.
func endStale(ctx context.Context, pid int, dir layout) error {
	for _, signal := range []syscall.Signal{0, fastShutdown, immediateShutdown} {
		if signal != 0 {
			_ = send(pid, signal) // it may have ended just now
		}
		if within(ctx, killTimeout, func() bool { return !isServerOf(ctx, pid, dir) }) {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(fmt.Errorf("the server of an earlier run, process %d, does not end", pid), ctx.Err())
}

// within polls done and reports whether it returned true in time. It calls done at least once.
func within(ctx context.Context, limit time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// stalePID returns the process id in the pid file of the data, or zero without a valid file.
func stalePID(dir layout) int {
	text, _ := os.ReadFile(dir.pidFile())
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// isServerOf checks the command line, because the kernel reuses process ids.
func isServerOf(ctx context.Context, pid int, dir layout) bool {
	if pid == 0 || !exists(pid) {
		return false
	}
	args := commandLine(ctx, pid)
	return len(args) > 0 && strings.HasPrefix(filepath.Base(args[0]), "postgres") && slices.Contains(args, dir.data())
}

// commandLine returns the arguments of a process. A process that its parent has not waited for has
// none.
func commandLine(ctx context.Context, pid int) []string {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		ps := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)) //nolint:gosec // a number
		out, _ := ps.Output()
		return strings.Fields(string(out))
	}
	return strings.FieldsFunc(string(line), func(r rune) bool { return r == 0 })
}
