package embedded

import (
	"context"
	"os"
	"syscall"
)

// Available is for the tests outside of the package.
var Available = available

// DownloadTo is [Download] with another cache and repository.
func DownloadTo(ctx context.Context, dir, url string) (Binaries, error) {
	return download(ctx, url, dir, versions[0])
}

// Dir returns the directory in use.
func (s *Server) Dir() string { return string(s.dir) }

// Version returns the version of the server, such as 17.5.
func (s *Server) Version() string { return s.binaries.Version }

// WriteProgram writes a program that can be run at once: a child process that is forked meanwhile would hold the file
// open for writing.
func WriteProgram(path string, program []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, program, 0o755)
}
