package embedded

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// layout names what is in the directory of a server. The cluster is one directory, so that one rename puts it in place.
type layout string

func (l layout) path(name string) string { return filepath.Join(string(l), name) }
func (l layout) lock() string            { return l.path("lock") }
func (l layout) log() string             { return l.path("postgres.log") }
func (l layout) cluster() string         { return l.path("cluster") }
func (l layout) data() string            { return filepath.Join(l.cluster(), "data") }
func (l layout) password() string        { return filepath.Join(l.cluster(), "password") }

// place makes the directory and returns it, absolute. When the account cannot reach it, below a private home say, it makes
// and returns one in the directory for temporary files, always the same one for the same dir.
func place(dir string, runner *account) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the directory: %w", err)
	}
	// What leads to it is open like any directory, since the account has to pass; only what it leads to is closed.
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("make the directory: %w", err)
	}
	if err := os.Mkdir(abs, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make the directory: %w", err)
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return "", fmt.Errorf("make the directory: %s is something else", abs)
	}
	if runner == nil {
		return abs, nil
	}
	if reachable(filepath.Dir(abs), runner) {
		return abs, admit(abs)
	}
	return placeInTemp(abs, runner)
}

// placeInTemp refuses a directory that somebody else has put there, which would let them choose what is run or served.
func placeInTemp(dir string, runner *account) (string, error) {
	sum := sha256.Sum256([]byte(dir))
	temp := filepath.Join(os.TempDir(), fmt.Sprintf("embedded-postgres-%x", sum[:8]))
	if err := os.Mkdir(temp, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make the directory: %w", err)
	}
	info, err := os.Lstat(temp)
	if err != nil {
		return "", fmt.Errorf("look at the directory: %w", err)
	}
	if uid, _ := ownerOf(info); !info.IsDir() || int(uid) != os.Geteuid() || info.Mode()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a directory of this user alone: remove it", temp)
	}
	if runner == nil {
		return temp, nil
	}
	if !reachable(filepath.Dir(temp), runner) {
		return "", fmt.Errorf("the user %s, who has to run the server, can reach neither %s nor %s", runner.name, dir, temp)
	}
	return temp, admit(temp)
}

// admit lets the account through to what is its own inside. It cannot list the directory or write to it.
func admit(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		err = os.Chmod(dir, info.Mode().Perm()|0o011)
	}
	if err != nil {
		return fmt.Errorf("open the directory to the server: %w", err)
	}
	return nil
}

// reachable reports whether the account may pass through dir and everything above it.
func reachable(dir string, runner *account) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || !runner.mayPass(info) {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

func (a *account) mayPass(info fs.FileInfo) bool {
	uid, gid := ownerOf(info)
	switch {
	case uid == a.uid:
		return info.Mode()&0o100 != 0
	case gid == a.gid:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}
