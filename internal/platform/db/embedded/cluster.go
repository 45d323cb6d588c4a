package embedded

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// superuser is the only role that initdb creates.
const superuser = "postgres"

// layout names the files in the directory of a server. The cluster is one directory, so that one
// rename puts data and password in place.
type layout string

func (l layout) path(name string) string { return filepath.Join(string(l), name) }
func (l layout) log() string             { return l.path("postgres.log") }
func (l layout) cluster() string         { return l.path("cluster") }
func (l layout) data() string            { return filepath.Join(l.cluster(), "data") }
func (l layout) password() string        { return filepath.Join(l.cluster(), "password") }
func (l layout) pidFile() string         { return filepath.Join(l.data(), "postmaster.pid") }

// initCluster makes the data and its password under a temporary name and then renames the
// directory, so a killed process leaves nothing that looks like data.
func initCluster(ctx context.Context, dir layout, b Binaries, runAs *account, scratch bool) (err error) {
	work, err := os.MkdirTemp(string(dir), "init-")
	if err != nil {
		return fmt.Errorf("make a directory for initdb: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	password := filepath.Join(work, "password")
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if err := errors.Join(runAs.own(work), runAs.own(password)); err != nil {
		return err
	}
	args := []string{
		"-D", filepath.Join(work, "data"), "-U", superuser, "--pwfile=" + password, "--auth=scram-sha-256", "-E", "UTF8",
	}
	if scratch {
		args = append(args, "--no-sync", "--wal-segsize=1") // MB; a small log is written faster
	}
	// C.UTF-8 knows all letters of Unicode; not every system has it.
	for _, locale := range []string{"C.UTF-8", "C"} {
		cmd := command(ctx, runAs, work, filepath.Join(b.Dir, "initdb"), append(args, "--locale="+locale)...)
		cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) } // it has children
		var out []byte
		if out, err = cmd.CombinedOutput(); err == nil {
			break
		}
		err = fmt.Errorf("run initdb of %s: %w: %s", b, errors.Join(err, ctx.Err()), lastLines(out))
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

// command returns a command that runs as the account. The variables that would configure the server
// are removed from its environment, and its messages are English.
func command(ctx context.Context, runAs *account, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // running it is the purpose
	cmd.Dir, cmd.SysProcAttr = dir, attributes(runAs)
	cmd.Env = []string{"LC_MESSAGES=C"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") && !strings.HasPrefix(variable, "LC_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// dataVersion returns the major version of the data, or zero without data.
func dataVersion(dir layout) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s is damaged: PG_VERSION is not a number: delete the directory", dir.cluster())
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

// lastLines returns the end of a program's output, which has the reason of its failure.
func lastLines(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// acquire locks the directory with flock. The kernel releases the lock when the process ends. The
// file holds the process id for the error message.
func acquire(dir layout) (*os.File, error) {
	file, err := os.OpenFile(dir.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := lockFile(file); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(file, 32)) // only for the message
		_ = file.Close()
		return nil, fmt.Errorf("%w: process %s runs a server in %s", ErrInUse, strings.TrimSpace(string(holder)), string(dir))
	}
	if err := file.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(file, os.Getpid()) // the lock is valid without it
	}
	return file, nil
}

// release unlocks the file before it closes it: a child process that has just been forked holds the
// file open until it executes its program, and would hold the lock as long.
func release(lock *os.File) error { return errors.Join(unlockFile(lock), lock.Close()) }
