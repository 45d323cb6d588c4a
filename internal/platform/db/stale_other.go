//go:build !unix

package db

import "net"

// stale needs a system call of Unix. Elsewhere a statement may fail after a restart of the server.
func stale(net.Conn) bool { return false }
