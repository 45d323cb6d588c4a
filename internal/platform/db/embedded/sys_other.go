//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package embedded

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Start returns an error when supported is false, so the functions below only have to compile.
const supported = false

func attributes(*account) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
func lockFile(*os.File) error                  { return errors.ErrUnsupported }
func unlockFile(*os.File) error                { return errors.ErrUnsupported }
func ownerOf(fs.FileInfo) (uid, gid uint32)    { return 0, 0 }
func send(int, syscall.Signal) error           { return errors.ErrUnsupported }
func exists(int) bool                          { return false }
func killGroup(int) error                      { return errors.ErrUnsupported }
