package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var dependabotDirectory = regexp.MustCompile(`(?m)^      - (/.*)$`)

// TestDependabotCoversEveryModule compares the directories in dependabot.yml with
// those that have a go.mod.
func TestDependabotCoversEveryModule(t *testing.T) {
	t.Parallel()
	var want []string
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if entry.Name() == "go.mod" {
			dir, err := filepath.Rel("..", filepath.Dir(name))
			want = append(want, path.Join("/", filepath.ToSlash(dir)))
			return err
		}
		return nil
	})
	require.NoError(t, err)

	text, err := os.ReadFile("../.github/dependabot.yml")
	require.NoError(t, err)
	var got []string
	for _, match := range dependabotDirectory.FindAllStringSubmatch(string(text), -1) {
		got = append(got, match[1])
	}
	assert.ElementsMatch(t, want, got)
}

// TestSize keeps the packages that everybody reads small: the limits are those of
// docs/decisions.md. A name or a line more has to replace another one.
func TestSize(t *testing.T) {
	t.Parallel()
	for dir, limit := range map[string]struct{ names, lines int }{
		"..":     {names: 84, lines: 2600},
		"../sdk": {names: 63, lines: 3000},
	} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		names, lines := 0, 0
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			lines += strings.Count(string(text), "\n")
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
			require.NoError(t, err)
			names += exportedNames(file)
		}
		assert.NotZero(t, names, dir)
		assert.LessOrEqual(t, names, limit.names, "exported names of %s", dir)
		assert.Less(t, lines, limit.lines, "lines of %s", dir)
	}
}

// exportedNames counts the exported names that a file declares, without methods and fields.
func exportedNames(file *ast.File) int {
	n := 0
	count := func(name *ast.Ident) {
		if name.IsExported() {
			n++
		}
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				count(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					count(s.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						count(name)
					}
				}
			}
		}
	}
	return n
}
