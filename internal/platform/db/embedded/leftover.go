package embedded

import (
	"bytes"
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
	if pid != 0 && !exists(pid) {
		return nil // the server removes this file itself, after a look at the shared memory of the one that is gone
	}
	if !isServerOf(ctx, pid, dir) {
		// The file is damaged or another process has the number now. The server would refuse to start.
		if err := os.Remove(filepath.Join(dir.data(), "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the stale pid file: %w", err)
		}
		return nil
	}
	return end(ctx, pid, dir)
}

func end(ctx context.Context, pid int, dir layout) error {
	for _, step := range patience {
		if step.signal != 0 {
			_ = send(pid, step.signal) // it may have ended just now
		}
		if gone(ctx, pid, dir, step.wait) {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(fmt.Errorf("a server of an earlier run, process %d, does not end", pid), ctx.Err())
}

func gone(ctx context.Context, pid int, dir layout, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for isServerOf(ctx, pid, dir) {
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

// isServerOf looks at the command line, because process ids are used again. A process that has ended and that nobody has
// collected has none.
func isServerOf(ctx context.Context, pid int, dir layout) bool {
	if pid == 0 || !exists(pid) {
		return false
	}
	var args []string
	if line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil {
		args = strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	} else {
		out, _ := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
		args = strings.Fields(string(out))
	}
	return len(args) > 0 && strings.HasPrefix(filepath.Base(args[0]), "postgres") && slices.Contains(args, dir.data())
}
