//go:build unix

package logging

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// withoutSignal returns a writer to the descriptor of os.Stdout and os.Stderr. A write to a closed
// pipe through package os ends the process with SIGPIPE for these files (see os/signal); a write to
// the descriptor returns EPIPE. Other writers are returned unchanged.
func withoutSignal(w io.Writer) io.Writer {
	file, ok := w.(*os.File)
	if !ok {
		return w
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return w
	}
	standard := false
	err = conn.Control(func(fd uintptr) { standard = fd == 1 || fd == 2 })
	if err != nil || !standard {
		return w
	}
	return newDescriptor(conn)
}

// descriptor writes to an open file without package os. It is not safe for concurrent use.
type descriptor struct {
	conn syscall.RawConn
	step func(fd uintptr) bool // made once, since each method value is an allocation
	rest []byte
	err  error
}

func newDescriptor(conn syscall.RawConn) *descriptor {
	d := &descriptor{conn: conn}
	d.step = d.write
	return d
}

// Write writes all of p, or returns the error of the system.
func (d *descriptor) Write(p []byte) (int, error) {
	d.rest, d.err = p, nil
	err := d.conn.Write(d.step)
	n := len(p) - len(d.rest)
	if d.rest = nil; d.err != nil {
		err = os.NewSyscallError("write", d.err)
	}
	return n, err
}

// write writes the rest. A pipe that another process has made non-blocking returns EAGAIN when it
// is full; package os knows nothing of that and cannot wait.
func (d *descriptor) write(fd uintptr) bool {
	for len(d.rest) > 0 {
		n, err := syscall.Write(int(fd), d.rest)
		d.rest = d.rest[max(n, 0):]
		switch err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1) //nolint:gosec // a descriptor is small
		default:
			d.err = err
			return true
		}
	}
	return true
}
