//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package embedded

import (
	"io/fs"
	"os"
	"syscall"
)

const supported = true

// The signals PostgreSQL takes: a fast shutdown ends sessions and keeps everything, an immediate one means recovery later.
const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
)

// attributes puts a child into a process group of its own, so that Ctrl-C in a terminal reaches this process only.
func attributes(runner *account) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if runner != nil {
		a.Credential = &syscall.Credential{Uid: runner.uid, Gid: runner.gid}
	}
	return a
}

func lockFile(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

func unlockFile(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }

func ownerOf(info fs.FileInfo) (uid, gid uint32) {
	stat := info.Sys().(*syscall.Stat_t) //nolint:errcheck // what os.Stat returns on these systems
	return stat.Uid, stat.Gid
}

func send(pid int, signal syscall.Signal) error { return syscall.Kill(pid, signal) }

// exists reports whether there is such a process, of any user.
func exists(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }

// killGroup ends a child and its own children, which share its process group.
func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
