//go:build !linux

package db

import "syscall"

// setUserTimeout does nothing: TCP_USER_TIMEOUT exists on Linux only. Keep-alives detect a dead
// peer later.
func setUserTimeout(string, string, syscall.RawConn) error { return nil }
