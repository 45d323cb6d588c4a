//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package embedded

import (
	"io/fs"
	"os"
	"syscall"
)

const supported = true

// attributes puts a child into its own process group, so that Ctrl-C in a terminal reaches only
// this process.
func attributes(runAs *account) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if runAs != nil {
		a.Credential = &syscall.Credential{Uid: runAs.uid, Gid: runAs.gid}
	}
	return a
}

func lockFile(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
func unlockFile(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }

func ownerOf(info fs.FileInfo) (uid, gid uint32) {
	stat := info.Sys().(*syscall.Stat_t) //nolint:errcheck // the result of os.Stat on these systems
	return stat.Uid, stat.Gid
}

func send(pid int, signal syscall.Signal) error { return syscall.Kill(pid, signal) }

// exists reports whether the process exists, of any user.
func exists(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }

// killGroup kills a child and its own children, which are in its process group.
func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
