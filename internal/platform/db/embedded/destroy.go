package embedded

import (
	"context"
	"fmt"
	"os"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Destroy removes the directory of a server with all its data, after it has stopped a detached server that still runs there.
// It fails with [ErrInUse] when a process owns the server.
func Destroy(ctx context.Context, dir string) (err error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := acquire(layout(dir))
	if err != nil {
		return fmt.Errorf("remove the server: %w", err)
	}
	defer func() { err = errors.Join(err, release(lock)) }()
	if pid := leftoverPID(layout(dir)); isServerOf(ctx, pid, layout(dir)) {
		_ = send(pid, immediateShutdown) // the data is not needed any more
		if err := end(ctx, pid, layout(dir)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the server: %w", err)
	}
	return nil
}
