package embedded

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldest is the first major version that clones databases by file copy and that still gets fixes.
const oldest = 15

// Binaries is a directory with a usable server in it.
type Binaries struct {
	Dir        string // holds postgres and initdb
	Version    string // "17.5"
	Downloaded bool
}

// Major returns the major version, such as 17. Data of one major version cannot be used with another.
func (b Binaries) Major() int {
	major, _, _ := strings.Cut(b.Version, ".")
	n, _ := strconv.Atoi(major) // zero for the zero value
	return n
}

// String says in a few words where the server comes from.
func (b Binaries) String() string {
	if b.Downloaded {
		return "downloaded PostgreSQL " + b.Version
	}
	return "server binaries at " + b.Dir
}

func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }

// Find looks for server binaries where package managers put them and on the PATH, and returns the newest. What does not start
// is passed over. The error is [ErrNoBinaries] when there are none.
func Find(ctx context.Context) (Binaries, error) {
	all := inspectAll(ctx, candidates(ctx))
	if len(all) == 0 {
		return Binaries{}, ErrNoBinaries
	}
	return all[0], nil
}

// Inspect returns the binaries in a directory. It fails when postgres or initdb is missing, does not start, or is too old.
func Inspect(ctx context.Context, dir string) (Binaries, error) {
	b := Binaries{Dir: dir}
	for _, program := range []string{"postgres", "initdb"} {
		version, err := versionOf(ctx, b.path(program))
		if err != nil {
			return Binaries{}, err
		}
		b.Version = version
	}
	if b.Major() < oldest {
		return Binaries{}, fmt.Errorf("%s holds PostgreSQL %s: %d or newer is needed", dir, b.Version, oldest)
	}
	return b, nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+[\w.]*)`)

func versionOf(ctx context.Context, program string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", program, err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return "", fmt.Errorf("ask %s for its version: it is not PostgreSQL", program)
	}
	return string(match[1]), nil
}

// inspectAll returns the usable ones, newest first.
func inspectAll(ctx context.Context, dirs []string) []Binaries {
	var found []Binaries
	for _, dir := range dirs {
		if b, err := Inspect(ctx, dir); err == nil {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int { return compareVersions(b.Version, a.Version) })
	return found
}

func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x) // "18beta1" counts as the oldest
		n, _ := strconv.Atoi(y)
		return cmp.Compare(m, n)
	})
}

// patterns are where packages put servers: Debian, Fedora, SUSE and Alpine, the project's own RPMs, Homebrew, Postgres.app.
var patterns = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/lib/postgresql*/bin",
	"/usr/libexec/postgresql*",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

func candidates(ctx context.Context) []string {
	var dirs []string
	if program, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(program))
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		dirs = append(dirs, found...)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
