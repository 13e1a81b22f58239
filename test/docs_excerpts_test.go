package test

import (
	"os"
	"path/filepath"
	"regexp"
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
			assert.Contains(t, string(source), "\n"+block[2], "%s: %s", document, block[1])
		}
	}
	assert.Greater(t, found, 10)
}
