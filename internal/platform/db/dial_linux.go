package db

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout limits how long sent data may stay unacknowledged (TCP_USER_TIMEOUT, RFC 5482).
// Keep-alives do not detect a peer that disappears while a statement is running.
const userTimeout = 20 * time.Second

func setUserTimeout(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var option error
	err := c.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return option
}
