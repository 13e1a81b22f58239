package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unclear are phrases that readers of comments and documents had to read twice. The plain
// word is in CONTRIBUTING.md.
var unclear = regexp.MustCompile(`\b(is to be|are to be|goes on|hands? (on|over)|for good|(comes|came) of it|lets? go of|restates?|states? (its|an|the) intent|stated intent)\b`)

// TestWords checks comments and documents for phrases that are hard to read.
func TestWords(t *testing.T) {
	t.Parallel()
	require.True(t, unclear.MatchString("a record is to be exported"))
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && (name == "bin" || name == ".git" || name == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || name == "CHANGELOG.md" || name == "CONTRIBUTING.md" || name == "words_test.go":
			return nil
		case filepath.Ext(name) != ".go" && filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if filepath.Ext(name) == ".go" {
				_, line, _ = strings.Cut(line, "//")
			}
			assert.Empty(t, unclear.FindString(line), "%s:%d:%s", path, i+1, line)
		}
		return nil
	})
	require.NoError(t, err)
}
