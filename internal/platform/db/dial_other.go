//go:build !linux

package db

import "syscall"

// setUserTimeout does nothing here: TCP_USER_TIMEOUT is Linux's. Keep-alives notice a dead peer all the same, later.
func setUserTimeout(string, string, syscall.RawConn) error { return nil }
