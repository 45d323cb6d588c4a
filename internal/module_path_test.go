package internal_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who makes a project of this one renames the module in go.mod and in import lines, with gonew or by hand. A name left anywhere else
// would be wrong from then on.
func TestModulePathIsSpelledInImportsOnly(t *testing.T) {
	t.Parallel()
	found, err := spellings("..")
	require.NoError(t, err)
	assert.Empty(t, found, "these files spell the module path outside an import")
}

func TestSpellingsAreFound(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/other/house\n")
	write(t, root, "main.go", "package main\n\nimport _ \"example.com/other/house/internal\"\n")
	write(t, root, "name.go", "package main\n\nconst name = \"example.com/other/house\"\n")
	write(t, root, "comment.go", "// Package main is example.com/other/house.\npackage main\n")
	write(t, root, "README.md", "go get example.com/other/house\n")
	write(t, root, "tools/tools.go", "package tools\n\n// See example.com/other/house.\n")
	write(t, root, ".ci/run", "go build example.com/other/house/cmd/api\n")
	write(t, root, ".git/config", "url = https://example.com/other/house\n")
	write(t, root, "api", "\x7fELF\x00 example.com/other/house\n")

	found, err := spellings(root)

	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"name.go", "comment.go", "README.md", "tools/tools.go", ".ci/run"}, found)
}

// spellings lists the files of the module at root that hold its path anywhere but in a go.mod or an import.
func spellings(root string) ([]string, error) {
	module, err := modulePath(root)
	if err != nil || !strings.Contains(module, "/") {
		return nil, err // A module named by a single word: nobody can tell it from prose.
	}
	var found []string
	err = walk(root, func(name string) error {
		if path.Base(name) == "go.mod" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return nil // A program that was built here.
		}
		if path.Ext(name) == ".go" {
			text = withoutImports(text)
		}
		if bytes.Contains(text, []byte(module)) {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}

// withoutImports blanks the import paths of a Go file. One that does not parse is given back whole.
func withoutImports(text []byte) []byte {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", text, parser.ImportsOnly)
	if err != nil {
		return text
	}
	for _, spec := range file.Imports {
		clear(text[files.Position(spec.Path.Pos()).Offset:files.Position(spec.Path.End()).Offset])
	}
	return text
}
