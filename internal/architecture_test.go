package internal_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// levels is the level of each part of the repository. A part is a directory with its subdirectories,
// except those with an entry of their own. A package imports its own part and parts of lower levels,
// never a part of the same or a higher level.
var levels = map[string]int{
	"internal/platform/errors":       0,
	"migrations":                     0,
	"internal/platform/logging":      1,
	"internal/platform/env/dotenv":   1,
	"internal/platform/env/spelling": 1,
	"internal/platform/env/strength": 1,
	"internal/platform/config":       2,
	"internal/platform/env":          2,
	"internal/platform/auth":         2,
	"internal/platform/server":       3,
	"internal/platform/db":           3,
	"internal/platform/cors":         3,
	"internal/platform/ratelimit":    3, // part:ratelimit
	"internal/platform/llm":          3, // part:llm
	"internal/platform/llm/llmtest":  4, // part:llm
	"internal/platform/telemetry":    3,
	"internal/platform/platformtest": 4,
	"internal/app":                   5,
	"internal/app/apptest":           6,
	"cmd":                            6,
	"integration":                    7,
	"tools":                          7,
	"internal":                       7, // this test
}

// fixtures are the parts that only tests and fixtures of higher levels import. The number is the
// lowest level whose tests may import them, although it is below that of the fixtures.
var fixtures = map[string]int{
	"internal/platform/platformtest": 0,
	"internal/platform/llm/llmtest":  levels["internal/platform/llm"], // part:llm
	"internal/app/apptest":           levels["internal/app"],
}

// edge is an import of a package of this module by another. Both are named by their directory.
type edge struct {
	from, to string
	test     bool // the importing file is a test
}

func TestPackagesImportLowerLevelsOnly(t *testing.T) {
	t.Parallel()
	edges, err := imports("..")
	require.NoError(t, err)
	require.NotEmpty(t, edges, "no imports found in the module")
	for _, e := range edges {
		assert.Empty(t, violation(e))
	}
}

func TestViolation(t *testing.T) {
	t.Parallel()
	const platform, app = "internal/platform/", "internal/app/"
	tests := map[string]struct {
		edge
		want string // a part of the message; empty if the import is allowed
	}{
		"down":                        {edge{from: platform + "db", to: platform + "logging"}, ""},
		"down by several levels":      {edge{from: "internal/app", to: platform + "errors"}, ""},
		"into its own part":           {edge{from: platform + "server", to: platform + "server/respond"}, ""},
		"up":                          {edge{from: platform + "errors", to: platform + "logging"}, "imports up"},
		"up from a deeper package":    {edge{from: platform + "db/embedded", to: "internal/app/notes"}, "imports up"},
		"up into a command":           {edge{from: "internal/app", to: "cmd/api"}, "imports up"},
		"sideways":                    {edge{from: platform + "cors", to: platform + "server"}, "imports sideways"},
		"sideways to a deeper one":    {edge{from: platform + "db", to: platform + "server/respond"}, "imports sideways"},
		"the longer entry counts":     {edge{from: platform + "config", to: platform + "env/dotenv"}, ""},
		"its neighbour does not":      {edge{from: platform + "config", to: platform + "env"}, "imports sideways"},
		"a test, up to fixtures":      {edge{from: platform + "db", to: platform + "platformtest", test: true}, ""},
		"a test, up to its fixtures":  {edge{from: app + "notes", to: app + "apptest", test: true}, ""},
		"a test, down to fixtures":    {edge{from: "integration", to: app + "apptest", test: true}, ""},
		"a test, to those of others":  {edge{from: platform + "db", to: app + "apptest", test: true}, "imports up"},
		"a test, up to anything else": {edge{from: platform + "db", to: "internal/app", test: true}, "imports up"},
		"fixtures, down to fixtures":  {edge{from: app + "apptest", to: platform + "platformtest"}, ""},
		"fixtures, up to fixtures":    {edge{from: platform + "platformtest", to: app + "apptest"}, "imports up"},
		"fixtures in the service":     {edge{from: "internal/app", to: platform + "platformtest"}, "outside a test"},
		"its own fixtures":            {edge{from: app + "notes", to: app + "apptest"}, "outside a test"},
		"fixtures in a command":       {edge{from: "cmd/api", to: app + "apptest"}, "outside a test"},
		"from an unknown part":        {edge{from: "pkg/helpers", to: platform + "errors"}, "pkg/helpers has no level"},
		"to an unknown part":          {edge{from: "cmd/api", to: platform + "errorsx"}, "errorsx has no level"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := violation(tt.edge)
			if tt.want == "" {
				assert.Empty(t, got)
				return
			}
			assert.Contains(t, got, tt.want)
		})
	}
}

// errors can be copied into any module, and neither errors nor logging depends on a web framework.
func TestErrorsAndLoggingImportNoFramework(t *testing.T) {
	t.Parallel()
	assert.Empty(t, foreignImports(t, "platform/errors", "github.com/google/uuid"))
	assert.Empty(t, foreignImports(t, "platform/logging", "github.com/sirupsen/logrus", "go.opentelemetry.io/otel/trace", "golang.org/x/sys/unix"))
}

// foreignImports lists the imports of a directory and its subdirectories, except in tests, that are
// neither of the standard library, nor of this module, nor allowed.
func foreignImports(t *testing.T, dir string, allowed ...string) []string {
	t.Helper()
	module, err := modulePath("..")
	require.NoError(t, err)
	var foreign []string
	err = walk(dir, func(name string) error {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			host, _, _ := strings.Cut(imported, "/")
			if strings.Contains(host, ".") && !strings.HasPrefix(imported, module+"/") && !slices.Contains(allowed, imported) {
				foreign = append(foreign, name+" imports "+imported)
			}
		}
		return nil
	})
	require.NoError(t, err)
	return foreign
}

func TestImportsAreReadFromFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/other/house\n")
	write(t, root, "internal/platform/errors/error.go", "package errors\n\nimport _ \"example.com/other/house/internal/app\"\n")
	write(t, root, "internal/platform/errors/tagged.go", "//go:build never\n\npackage errors\n\nimport _ \"example.com/other/house/cmd/api\"\n")
	write(t, root, "internal/platform/errors/x_test.go", "package errors\n\nimport _ \"example.com/other/house/migrations\"\n")
	write(t, root, "internal/app/app.go", "package app\n\nimport _ \"fmt\"\n")
	write(t, root, "internal/app/testdata/x.go", "package x\n\nimport _ \"example.com/other/house/cmd/api\"\n")

	got, err := imports(root)

	require.NoError(t, err)
	assert.ElementsMatch(t, []edge{
		{from: "internal/platform/errors", to: "internal/app"},
		{from: "internal/platform/errors", to: "cmd/api"},
		{from: "internal/platform/errors", to: "migrations", test: true},
	}, got)
}

// violation returns a message for an import that is not allowed, else "".
func violation(e edge) string {
	from, fromLevel, known := part(e.from)
	if !known {
		return fmt.Sprintf("%s has no level: give it one in this test", e.from)
	}
	to, toLevel, known := part(e.to)
	_, isFixture := fixtures[from]
	forTestsFrom, toFixture := fixtures[to]
	switch {
	case !known:
		return fmt.Sprintf("%s has no level: give it one in this test", e.to)
	case from == to:
		return ""
	case toFixture && !e.test && !isFixture:
		return fmt.Sprintf("%s imports %s outside a test", e.from, e.to)
	case toFixture && e.test && fromLevel >= forTestsFrom:
		return ""
	case toLevel > fromLevel:
		return fmt.Sprintf("%s (level %d) imports up: %s (level %d)", e.from, fromLevel, e.to, toLevel)
	case toLevel == fromLevel:
		return fmt.Sprintf("%s imports sideways: %s (both level %d)", e.from, e.to, toLevel)
	}
	return ""
}

// part returns the longest entry of levels that contains a directory. The entry "internal" is for this
// test only and contains no subdirectory.
func part(dir string) (name string, level int, known bool) {
	for name = dir; name != "."; name = path.Dir(name) {
		if level, known = levels[name]; known {
			return name, level, name != "internal" || dir == "internal"
		}
	}
	return "", 0, false
}

// imports lists the imports between packages of the module at root. It reads files instead of
// packages, so that it sees files with any build tag.
func imports(root string) ([]edge, error) {
	module, err := modulePath(root)
	if err != nil {
		return nil, err
	}
	var edges []edge
	err = walk(root, func(name string) error {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ok := strings.CutPrefix(imported, module+"/"); ok {
				edges = append(edges, edge{from: path.Dir(name), to: to, test: strings.HasSuffix(name, "_test.go")})
			}
		}
		return nil
	})
	return edges, err
}

// walk calls visit with the slash-separated name of each file of the module at root, except in hidden
// directories other than .ci and .github, and in directories of build results.
func walk(root string, visit func(name string) error) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		switch {
		case entry.Type().IsRegular():
			return visit(relative)
		case !entry.IsDir(), relative == ".", relative == ".ci", relative == ".github":
			return nil
		case strings.HasPrefix(entry.Name(), "."), relative == "bin", relative == "dist":
			return fs.SkipDir
		}
		return nil
	})
}

func modulePath(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("no module line in %s/go.mod", root)
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	name = filepath.Join(root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o750))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}
