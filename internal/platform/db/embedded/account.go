package embedded

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// account is the user that the server runs as when this process is root, which PostgreSQL refuses. Nil means this user.
type account struct {
	name     string
	uid, gid uint32
}

// accountFor returns the owner of the cluster, so that data made by a user stays theirs under sudo. Without a cluster it is
// the user postgres, else nobody.
func accountFor(cluster string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is this user
	}
	if info, err := os.Stat(cluster); err == nil {
		if uid, gid := ownerOf(info); uid != 0 {
			return &account{name: strconv.FormatUint(uint64(uid), 10), uid: uid, gid: gid}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if a, err := lookup(name); err == nil {
			return a, nil
		}
	}
	return nil, errors.Sentinel("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}

func lookup(name string) (*account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the id of the user: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the group of the user: %w", err)
	}
	return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
}

// own gives a file or directory to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give the file to the user of the server: %w", err)
	}
	return nil
}
