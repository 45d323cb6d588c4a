//go:build unix

package logging

import (
	"io"
	"os"
	"sync"
	"syscall"
)

// withoutSignal returns a writer to the file that w is. A write to a closed pipe through os.Stdout or os.Stderr ends the
// process with SIGPIPE, by the rules of package os/signal; to write to the descriptor itself returns EPIPE, as for any
// other file. Other writers are returned as they are.
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

// descriptor writes to an open file without package os in between. It is safe for concurrent use.
type descriptor struct {
	conn syscall.RawConn
	step func(fd uintptr) bool // made once, since each method value is an allocation

	mu   sync.Mutex
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
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rest, d.err = p, nil
	err := d.conn.Write(d.step)
	n := len(p) - len(d.rest)
	if d.rest = nil; d.err != nil {
		err = os.NewSyscallError("write", d.err)
	}
	return n, err
}

// write reports whether there is nothing left to do. It does not where the file is not ready for more.
func (d *descriptor) write(fd uintptr) bool {
	for len(d.rest) > 0 {
		n, err := syscall.Write(int(fd), d.rest)
		d.rest = d.rest[max(n, 0):]
		switch err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			d.err = err
			return true
		}
	}
	return true
}
