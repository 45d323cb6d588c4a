package embedded

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// superuser is the one role that initdb makes.
const superuser = "postgres"

// locales are tried in this order. The first knows all letters of Unicode, and not every system has it.
var locales = []string{"C.UTF-8", "C"}

// initCluster makes the data directory and its password under another name and renames both at once, so that a process killed
// meanwhile leaves nothing that looks like data.
func initCluster(ctx context.Context, dir layout, b Binaries, runner *account, scratch bool) (err error) {
	work, err := os.MkdirTemp(string(dir), "init-")
	if err != nil {
		return fmt.Errorf("make a directory for initdb: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	password := filepath.Join(work, "password")
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if err := errors.Join(runner.own(work), runner.own(password)); err != nil {
		return err
	}
	for _, locale := range locales {
		var out []byte
		out, err = initdb(ctx, b, runner, work, locale, scratch)
		if err == nil {
			break
		}
		err = fmt.Errorf("run initdb of %s: %w: %s", b, errors.Join(err, ctx.Err()), lastLines(string(out)))
		if !strings.Contains(string(out), "locale") {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(work, dir.cluster()); err != nil {
		return fmt.Errorf("move the new data into place: %w", err)
	}
	return nil
}

func initdb(ctx context.Context, b Binaries, runner *account, work, locale string, scratch bool) ([]byte, error) {
	args := []string{
		"-D", filepath.Join(work, "data"), "-U", superuser, "--pwfile=" + filepath.Join(work, "password"),
		"--auth=scram-sha-256", "-E", "UTF8", "--locale=" + locale,
	}
	if scratch {
		args = append(args, "--no-sync", "--wal-segsize=1") // MB; a small log is written faster
	}
	cmd := exec.CommandContext(ctx, b.path("initdb"), args...) //nolint:gosec // running it is the purpose
	cmd.Dir, cmd.Env = work, environment()
	cmd.SysProcAttr = withDeathSignal(attributes(runner), syscall.SIGKILL)
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	runtime.LockOSThread() // the death signal is for the end of this thread
	defer runtime.UnlockOSThread()
	return cmd.CombinedOutput()
}

// environment leaves out what would configure the server behind our back, and makes its messages English.
func environment() []string {
	env := []string{"LC_MESSAGES=C"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") && !strings.HasPrefix(variable, "LC_") {
			env = append(env, variable)
		}
	}
	return env
}

// majorOf returns the major version of the data, or zero when there is none.
func majorOf(dir layout) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s is damaged: PG_VERSION holds no number: delete the directory to start anew", dir.cluster())
	}
	return major, nil
}

func readPassword(dir layout) (string, error) {
	text, err := os.ReadFile(dir.password())
	if err != nil {
		return "", fmt.Errorf("read the password of the server: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// lastLines returns the end of what a program wrote, where it says why it failed.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
