package embedded

import (
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

// oldest is the first major version that clones databases by file copy and still gets fixes.
const oldest = 15

// Binaries is a directory that contains a usable server.
type Binaries struct {
	Dir     string // contains postgres and initdb
	Version string // "17.5"
}

// Major returns the major version, such as 17. Data of one major version cannot be used with
// another.
func (b Binaries) Major() int {
	major, _, _ := strings.Cut(b.Version, ".")
	n, _ := strconv.Atoi(major) // zero for the zero value
	return n
}

// String names the directory.
func (b Binaries) String() string { return "server binaries at " + b.Dir }

// Find returns the newest usable binaries in the directories of package managers and on the PATH,
// or [ErrNoBinaries].
func Find(ctx context.Context) (Binaries, error) {
	all := installed(ctx)
	if len(all) == 0 {
		return Binaries{}, ErrNoBinaries
	}
	return all[0], nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+[\w.]*)`)

// Inspect returns the binaries in a directory. It returns an error when postgres or initdb is
// missing, does not start, or is too old.
func Inspect(ctx context.Context, dir string) (Binaries, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	b := Binaries{Dir: dir}
	for _, program := range []string{"postgres", "initdb"} {
		cmd := exec.CommandContext(ctx, filepath.Join(dir, program), "--version") //nolint:gosec // running it is the purpose
		out, err := cmd.Output()
		if err != nil {
			return Binaries{}, fmt.Errorf("ask %s in %s for its version: %w", program, dir, err)
		}
		match := versionPattern.FindSubmatch(out)
		if match == nil {
			return Binaries{}, fmt.Errorf("ask %s in %s for its version: not PostgreSQL", program, dir)
		}
		b.Version = string(match[1])
	}
	if b.Major() < oldest {
		return Binaries{}, fmt.Errorf("%s contains PostgreSQL %s: %d or newer is needed", dir, b.Version, oldest)
	}
	return b, nil
}

// patterns are the directories of Debian, Fedora, SUSE, Alpine, the PostgreSQL project, Homebrew
// and Postgres.app.
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

// installed returns the usable binaries of this machine, those of the newest major version first.
func installed(ctx context.Context) []Binaries {
	var dirs []string
	if program, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(program))
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		dirs = append(dirs, found...)
	}
	slices.Sort(dirs)
	var found []Binaries
	for _, dir := range slices.Compact(dirs) {
		if b, err := Inspect(ctx, dir); err == nil {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int { return b.Major() - a.Major() })
	return found
}
