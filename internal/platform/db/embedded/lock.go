package embedded

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// acquire takes the lock of a directory. It is the kernel's, so a process that ends in any way has given it back, and the file
// may stay. The process id in it is for people.
func acquire(dir layout) (*os.File, error) {
	file, err := os.OpenFile(dir.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := lockFile(file); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(file, 32)) // for the message only
		_ = file.Close()
		return nil, fmt.Errorf("%w: a server in %s is run by process %s", ErrInUse, string(dir), strings.TrimSpace(string(holder)))
	}
	if err := file.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(file, os.Getpid()) // the lock holds without it
	}
	return file, nil
}

// release gives the lock back. To close the file would not be enough: a child that is being made at this moment has the file too,
// until it becomes another program, and the lock would last as long.
func release(lock *os.File) error { return errors.Join(unlockFile(lock), lock.Close()) }
