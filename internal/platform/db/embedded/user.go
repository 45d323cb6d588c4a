package embedded

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// account is the user that the server runs as when this process is root. Nil means the current
// user.
type account struct {
	name     string
	uid, gid uint32
}

// accountFor returns the owner of the cluster, so that data made by a user stays theirs under sudo,
// or without a cluster the user postgres or nobody.
func accountFor(cluster string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is the current user
	}
	if info, err := os.Stat(cluster); err == nil {
		if uid, gid := ownerOf(info); uid != 0 {
			return &account{name: strconv.FormatUint(uint64(uid), 10), uid: uid, gid: gid}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
			gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, errors.Join(uidErr, gidErr)
		}
	}
	return nil, errors.Sentinel("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}

// own makes the account the owner of a file or directory.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("change the owner to the user of the server: %w", err)
	}
	return nil
}

// reaches reports whether the account can enter dir. It asks the kernel, by a program that starts
// there, also when ctx has ended: the answer chooses the directory of the data.
func (a *account) reaches(ctx context.Context, dir string) bool {
	return command(context.WithoutCancel(ctx), a, dir, "/bin/sh", "-c", ":").Run() == nil
}

// makeDir makes the directory dir, an absolute path, and returns it. When the account cannot reach
// it, in a private home for example, makeDir makes and returns one in the system's temporary
// directory, always the same for the same dir.
func makeDir(ctx context.Context, dir string, a *account) (string, error) {
	// The parents are open like any directory, because the account passes them; dir itself is
	// private.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("make the directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the directory: %w", err)
	}
	if a == nil {
		return dir, nil
	}
	if a.reaches(ctx, filepath.Dir(dir)) {
		return dir, allowEntry(dir)
	}
	return makeTempDir(ctx, dir, a)
}

// makeTempDir makes a directory in the system's temporary directory. It refuses one that another
// user made: that user could replace the programs.
func makeTempDir(ctx context.Context, dir string, a *account) (string, error) {
	sum := sha256.Sum256([]byte(dir))
	temp := filepath.Join(os.TempDir(), fmt.Sprintf("embedded-postgres-%x", sum[:8]))
	if err := os.Mkdir(temp, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make the directory: %w", err)
	}
	info, err := os.Lstat(temp)
	if err != nil {
		return "", fmt.Errorf("check the directory: %w", err)
	}
	if uid, _ := ownerOf(info); !info.IsDir() || int(uid) != os.Geteuid() || info.Mode()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a directory of this user alone: remove it", temp)
	}
	if a == nil {
		return temp, nil
	}
	if !a.reaches(ctx, filepath.Dir(temp)) {
		return "", fmt.Errorf("the user %s, who must run the server, can reach neither %s nor %s", a.name, dir, temp)
	}
	return temp, allowEntry(temp)
}

// allowEntry lets the account pass through dir to its own files. It cannot list dir or write to it.
func allowEntry(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		err = os.Chmod(dir, info.Mode().Perm()|0o011)
	}
	if err != nil {
		return fmt.Errorf("open the directory to the user of the server: %w", err)
	}
	return nil
}
