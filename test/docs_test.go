// Package test checks what concerns all modules: the documentation, the quickstart and files of
// the repository.
package test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestLinks checks the documentation's links to files, and to the headings of
// documents.
func TestLinks(t *testing.T) {
	t.Parallel()
	known := map[string][]string{}
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			file := doc
			if match[1] != "" {
				file = filepath.Join(filepath.Dir(doc), match[1])
			}
			assert.FileExists(t, fileIn(file), "%s: %s", doc, match[1])
			if match[2] != "" && filepath.Ext(file) == ".md" {
				if known[file] == nil {
					known[file] = anchors(t, file)
				}
				assert.Contains(t, known[file], match[2], "%s: %s", doc, match[0])
			}
		}
	}
}

// anchors returns the fragments under which the headings of a document can be linked to.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var found []string
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, match[1]))
	}
	return found
}

// fileIn returns a file in the directory path, or path itself if it is no directory.
func fileIn(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		entries, err := os.ReadDir(path)
		if err == nil && len(entries) > 0 {
			for _, e := range entries {
				if !e.IsDir() {
					return filepath.Join(path, e.Name())
				}
			}
		}
	}
	return path
}

// The file map names files, such as `scope.go` or `sdk/json*.go`, and directories. In the same
// row, the files of a directory may be named without it.
var (
	fileNamed      = regexp.MustCompile("`([a-z_/*]+\\.go)`")
	directoryNamed = regexp.MustCompile("`([a-z0-9_/]+)`")
)

// TestArchitectureFiles checks that the files in the file map exist.
func TestArchitectureFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "ARCHITECTURE.md"))
	require.NoError(t, err)
	names := 0
	for line := range strings.Lines(string(text)) {
		directories := []string{"."}
		for _, match := range directoryNamed.FindAllStringSubmatch(line, -1) {
			directories = append(directories, match[1])
		}
		for _, match := range fileNamed.FindAllStringSubmatch(line, -1) {
			names++
			var found []string
			for _, d := range directories {
				matches, err := filepath.Glob(filepath.Join("..", d, match[1]))
				require.NoError(t, err)
				found = append(found, matches...)
			}
			assert.NotEmpty(t, found, match[1])
		}
	}
	require.NotZero(t, names)
}

func documents(t *testing.T) []string {
	t.Helper()
	var docs []string
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		docs = append(docs, found...)
	}
	require.NotEmpty(t, docs)
	return docs
}

var (
	diagramNode  = regexp.MustCompile(`([a-z0-9]+)\["([a-z0-9/]+)"\]`)
	diagramArrow = regexp.MustCompile(`(?m)^\s+([a-z0-9]+)(?:\["[a-z0-9/]+"\])? --> ([a-z0-9]+)`)
)

// TestArchitectureDrawsImports checks that each arrow of the diagram is an import.
func TestArchitectureDrawsImports(t *testing.T) {
	t.Parallel()
	var diagram string
	for _, b := range blocksOf(t, "ARCHITECTURE.md") {
		if b.language == "mermaid" {
			diagram = b.body
		}
	}
	const module = "github.com/opendeed/audit"
	paths := map[string]string{}
	for _, match := range diagramNode.FindAllStringSubmatch(diagram, -1) {
		paths[match[1]] = module + "/" + match[2]
	}
	paths["audit"] = module
	arrows := diagramArrow.FindAllStringSubmatch(diagram, -1)
	require.NotEmpty(t, arrows)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := append([]string{"list", "-f", `{{.ImportPath}} {{join .Imports " "}}`}, slices.Sorted(maps.Values(paths))...)
	list := exec.CommandContext(ctx, "go", args...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		imports[fields[0]] = fields[1:]
	}
	for _, arrow := range arrows {
		from, to := paths[arrow[1]], paths[arrow[2]]
		assert.Contains(t, imports[from], to, "%s --> %s", arrow[1], arrow[2])
	}
}
