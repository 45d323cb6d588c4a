//go:build unix

package db

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// stale reports whether the server has closed an idle connection or sent something, which between
// statements is its last message before it closes. It costs one system call and never blocks.
func stale(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	idle := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, peek := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		idle = peek == unix.EAGAIN
		return true
	})
	return err != nil || !idle
}
