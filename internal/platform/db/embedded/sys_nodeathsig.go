//go:build !freebsd && !linux

package embedded

import "syscall"

const deathSignal = false

func withDeathSignal(a *syscall.SysProcAttr, _ syscall.Signal) *syscall.SysProcAttr { return a }
