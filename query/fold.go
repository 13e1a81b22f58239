package query

import (
	"strings"
	"unicode/utf8"

	"github.com/opendeed/audit/query/internal/fold"
)

// foldedText is a text of which neither case nor Unicode normalization counts.
type foldedText struct {
	text  string
	ascii bool
	piece piece
}

func newFolded(text string) foldedText {
	folded := fold.Text(text)
	return foldedText{folded, isASCII(folded), newPiece(text)}
}

// isIn reports whether text contains f.
func (f *foldedText) isIn(text string) bool {
	switch {
	case !isASCII(text):
		return strings.Contains(fold.Text(text), f.text)
	case !f.ascii:
		return false
	}
	return containsFolded(text, f.text)
}

// containsFolded reports whether an ASCII text contains a folded one.
func containsFolded(text, folded string) bool {
	for last := len(text) - len(folded); last >= 0; last-- {
		if hasFoldedPrefix(text, folded) {
			return true
		}
		text = text[1:]
	}
	return false
}

func hasFoldedPrefix(text, folded string) bool {
	for i := range len(folded) {
		if c := text[i]; c != folded[i] && ('a' > c || c > 'z' || c-('a'-'A') != folded[i]) {
			return false
		}
	}
	return true
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
