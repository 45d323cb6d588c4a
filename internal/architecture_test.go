package internal_test

import (
	"fmt"
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// levels says how high each part of the house stands. A part is a directory with everything below it, unless a longer entry takes
// a piece of it out. A package imports its own part and lower levels, never a part beside or above it.
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
	"internal/platform/ratelimit":    3,
	"internal/platform/llm":          3,
	"internal/platform/telemetry":    3,
	"internal/platform/platformtest": 4,
	"internal/app":                   5,
	"internal/app/apptest":           6,
	"cmd":                            6,
	"integration":                    7,
	"tools":                          7,
	"internal":                       7, // This test.
}

// fixtures are the parts that nothing imports but tests, and fixtures that stand above them. The number is the lowest level whose
// tests may, although the fixtures stand above it.
var fixtures = map[string]int{
	"internal/platform/platformtest": 0,
	"internal/app/apptest":           levels["internal/app"],
}

// An edge is one import of one package of this module by another, both named by their directory.
type edge struct {
	from, to string
	test     bool // The importing file is a test.
}

func TestPackagesImportLowerLevelsOnly(t *testing.T) {
	t.Parallel()
	edges, err := imports("..")
	require.NoError(t, err)
	require.NotEmpty(t, edges, "no imports found: the test looks in the wrong place")
	for _, e := range edges {
		assert.Empty(t, violation(e))
	}
}

func TestViolationIsFound(t *testing.T) {
	t.Parallel()
	const platform, app = "internal/platform/", "internal/app/"
	tests := map[string]struct {
		edge
		want string // A part of the complaint; empty where the import is fine.
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

// A module on disk with one forbidden import, so that the reading of files is tested as well as the judging.
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

// violation says in words what is wrong with an import, or nothing.
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

// part finds the longest entry of levels that a directory belongs to. The entry of this test's own directory holds for it alone.
func part(dir string) (name string, level int, known bool) {
	for name = dir; name != "."; name = path.Dir(name) {
		if level, known = levels[name]; known {
			return name, level, name != "internal" || dir == "internal"
		}
	}
	return "", 0, false
}
