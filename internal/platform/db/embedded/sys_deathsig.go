//go:build freebsd || linux

package embedded

import "syscall"

// deathSignal says that the kernel can tell a child that the thread that made it has ended.
const deathSignal = true

func withDeathSignal(a *syscall.SysProcAttr, signal syscall.Signal) *syscall.SysProcAttr {
	a.Pdeathsig = signal
	return a
}
