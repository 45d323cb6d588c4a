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

// patience is how long a leftover server gets to end by itself, by a fast shutdown, and by an immediate one.
var patience = []struct {
	signal syscall.Signal
	wait   time.Duration
}{{0, 5 * time.Second}, {fastShutdown, 5 * time.Second}, {immediateShutdown, 5 * time.Second}}

// clearLeftovers deals with what a killed process has left: half-made data, and a server that is still shutting down or that
// nobody has told to. The caller holds the lock, so there is no rightful owner.
func clearLeftovers(ctx context.Context, dir layout) error {
	halves, _ := filepath.Glob(dir.path("init-*")) // the pattern is well formed
	for _, half := range halves {
		if err := os.RemoveAll(half); err != nil {
			return fmt.Errorf("remove half-made data: %w", err)
		}
	}
	pid := leftoverPID(dir)
	if isServerOf(ctx, pid, dir) {
		if err := end(ctx, pid, dir); err != nil {
			return err
		}
	}
	if pid != 0 && collected(ctx, pid) {
		return nil // the server removes this file itself, after a look at the shared memory of the one that is gone
	}
	// The file is damaged, another process has the number now, or nobody collects the one that has ended. The server would refuse
	// to start.
	if err := os.Remove(filepath.Join(dir.data(), "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the stale pid file: %w", err)
	}
	return nil
}

// collected reports whether there is no process of this number, and gives the parent of one that has ended a while to collect it.
func collected(ctx context.Context, pid int) bool {
	const while = 2 * time.Second
	return within(ctx, while, func() bool { return !exists(pid) || len(commandLine(ctx, pid)) > 0 }) && !exists(pid)
}

func end(ctx context.Context, pid int, dir layout) error {
	for _, step := range patience {
		if step.signal != 0 {
			_ = send(pid, step.signal) // it may have ended just now
		}
		if within(ctx, step.wait, func() bool { return !isServerOf(ctx, pid, dir) }) {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(fmt.Errorf("a server of an earlier run, process %d, does not end", pid), ctx.Err())
}

// within waits until done says so, and reports whether it has in time.
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

// leftoverPID returns the process id in the pid file of the data, or zero when there is none.
func leftoverPID(dir layout) int {
	text, err := os.ReadFile(filepath.Join(dir.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// isServerOf looks at the command line, because process ids are used again.
func isServerOf(ctx context.Context, pid int, dir layout) bool {
	if pid == 0 || !exists(pid) {
		return false
	}
	args := commandLine(ctx, pid)
	return len(args) > 0 && strings.HasPrefix(filepath.Base(args[0]), "postgres") && slices.Contains(args, dir.data())
}

// commandLine returns nothing for a process that has ended and that nobody has collected.
func commandLine(ctx context.Context, pid int) []string {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		out, _ := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
		return strings.Fields(string(out))
	}
	return strings.FieldsFunc(string(line), func(r rune) bool { return r == 0 })
}
