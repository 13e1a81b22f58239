package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNotices: the licenses are those of Go and of the modules that a program links, and each text
// comes once.
func TestNotices(t *testing.T) {
	t.Parallel()
	text, err := notices(t.Context(), &debug.BuildInfo{GoVersion: "go1.26.0", Deps: []*debug.Module{
		{Path: "github.com/opendeed/audit"}, {Path: "github.com/spf13/cobra", Version: "v1"}, {Path: "golang.org/x/mod", Version: "v2"}, {Path: "golang.org/x/sys", Version: "v3"},
	}})
	require.NoError(t, err)
	for _, want := range []string{"\nGo 1.26.0, LICENSE\ngolang.org/x/mod v2, LICENSE\ngolang.org/x/sys v3, LICENSE\n", "\ngithub.com/spf13/cobra v1, LICENSE.txt\n"} {
		assert.Contains(t, string(text), want)
	}
	assert.NotContains(t, string(text), "github.com/opendeed/audit")
	sections := strings.Split(string(text), "\n"+strings.Repeat("=", 78)+"\n")
	seen := map[string]bool{}
	for _, s := range sections[1:] {
		_, license, _ := strings.Cut(s, "\n\n")
		assert.False(t, seen[license], "%s", s)
		seen[license] = true
	}
}

// TestLicensesOfModule: those of copied code are found, and a module without any is an error.
func TestLicensesOfModule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"LICENSE": "ours\n", "NOTICE.md": "note", "internal/xxhash/LICENSE.txt": "theirs", "testdata/LICENSE": "a test", "license.go": "package license",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	found := licenses{}
	require.NoError(t, found.add("example.com/a v1.0.0", dir, true))
	assert.Equal(t, licenses{
		"ours": {"example.com/a v1.0.0, LICENSE"}, "note": {"example.com/a v1.0.0, NOTICE.md"}, "theirs": {"example.com/a v1.0.0, internal/xxhash/LICENSE.txt"},
	}, found)
	require.EqualError(t, found.add("example.com/b v1.0.0", t.TempDir(), true), "example.com/b v1.0.0 has no license, so it cannot be linked")
}
