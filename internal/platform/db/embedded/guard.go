package embedded

import (
	"context"
	"fmt"
	"io"
	"os/exec"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// guardScript waits for a word on a pipe whose other end this process holds. A pipe that closes without a word means that the
// process has died, and then the guard shuts the server down. The process id is read at that moment, because a server that
// has ended has removed the file.
const guardScript = `read -r word && exit 0; read -r pid <"$1/postmaster.pid" && kill -INT "$pid"`

// guard is a shell that outlives this process in order to end the server.
type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func watch(ctx context.Context, dir layout, runner *account) (*guard, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", guardScript, "guard", dir.data()) //nolint:gosec // an own path
	cmd.Dir, cmd.SysProcAttr = dir.data(), attributes(runner)
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the guard of the server: %w", err)
	}
	return &guard{cmd, pipe}, nil
}

// dismiss ends the guard and leaves the server alone.
func (g *guard) dismiss() error {
	if g == nil {
		return nil
	}
	_, err := io.WriteString(g.pipe, "dismissed\n")
	if err := errors.Join(err, g.pipe.Close(), g.cmd.Wait()); err != nil {
		return fmt.Errorf("dismiss the guard of the server: %w", err)
	}
	return nil
}
