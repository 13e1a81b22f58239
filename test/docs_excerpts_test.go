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

var excerptBlock = regexp.MustCompile("(?ms)^```go excerpt=(\\S+)\n(.*?)^```$")

// TestExcerpts requires that each excerpt in a document is in the file that it names.
func TestExcerpts(t *testing.T) {
	t.Parallel()
	found := 0
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, block := range excerptBlock.FindAllStringSubmatch(string(text), -1) {
			found++
			source, err := os.ReadFile(filepath.Join("..", block[1]))
			require.NoError(t, err, document)
			assert.True(t, strings.Contains(string(source), "\n"+block[2]), "%s: %s has no\n%s", document, block[1], block[2])
		}
	}
	assert.Greater(t, found, 10)
}
