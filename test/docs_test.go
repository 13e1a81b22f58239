// Package test checks what concerns all modules: the documentation, the quickstart and files of
// the repository.
package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var goSnippet = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestSnippetsCompile builds every Go program in the documentation.
func TestSnippetsCompile(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	require.NoError(t, err)
	overlay := map[string]string{}
	var packages []string
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for i, match := range goSnippet.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasPrefix(match[1], "package ") {
				continue // a fragment
			}
			file := filepath.Join(t.TempDir(), "main.go")
			require.NoError(t, os.WriteFile(file, []byte(match[1]), 0o600))
			name := fmt.Sprintf("snippet_%s_%d", strings.TrimSuffix(filepath.Base(doc), ".md"), i)
			overlay[filepath.Join(here, name, "main.go")] = file
			packages = append(packages, "./"+name)
		}
	}
	require.GreaterOrEqual(t, len(packages), 2, "the README has programs")

	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(config, replace, 0o600))
	args := append([]string{"build", "-overlay", config, "-o", t.TempDir() + string(filepath.Separator)}, packages...)
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// TestLinks checks the links of the documentation to files of the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			assert.FileExists(t, fileIn(filepath.Join(filepath.Dir(doc), match[1])), "%s: %s", doc, match[1])
		}
	}
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
	directoryNamed = regexp.MustCompile("`([a-z_/]+)`")
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
