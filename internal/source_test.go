package internal_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// imports lists the imports inside the module at root. It reads files, not packages, so that no build tag hides one.
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

// walk calls visit for each file of the module at root by its slash-separated name. It leaves out what git leaves out: hidden
// directories (but for .ci and .github) and built things.
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
