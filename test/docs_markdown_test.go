package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is a fenced code block of a document. Its info string has the language and
// options:
//
//	```go                a whole file or a fragment, which must compile
//	```go file=main.go   a file that the document tells its reader to save
//	```sh                commands; TestDocumentedCommands runs them
//	```sh skip           commands that a test cannot run, such as kubectl
//	```text              right after a sh block: what its commands print
type block struct {
	doc      string
	line     int // of the first line of the body
	language string
	file     string
	excerpt  string // the file of the repository that has the block
	skip     bool
	body     string
	previous int // blank lines aside, the block directly before it, or -1
}

var fence = regexp.MustCompile("^```([a-z]*)(?: (.*))?$")

// blocksOf returns the code blocks of a document, such as docs/faq.md.
func blocksOf(t *testing.T, doc string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", doc))
	require.NoError(t, err)
	var blocks []block
	var open *block
	previous := -1
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		trimmed := strings.TrimSuffix(line, "\n")
		match := fence.FindStringSubmatch(trimmed)
		switch {
		case open != nil && trimmed == "```":
			blocks = append(blocks, *open)
			open, previous = nil, len(blocks)-1
		case open != nil:
			open.body += line
		case match != nil:
			open = &block{doc: doc, line: number + 1, language: match[1], previous: previous}
			for option := range strings.FieldsSeq(match[2]) {
				name, value, _ := strings.Cut(option, "=")
				switch name {
				case "file":
					open.file = value
				case "excerpt":
					open.excerpt = value
				case "skip":
					open.skip = true
				default:
					t.Fatalf("%s:%d: the code block has an unknown option %q", doc, number, option)
				}
			}
		case trimmed != "":
			previous = -1
		}
	}
	require.Nil(t, open, "%s: the last code block is not closed", doc)
	return blocks
}
