package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldedText is a text of which neither case nor Unicode normalization counts.
type foldedText struct {
	text  string
	ascii bool
	piece piece
}

func newFolded(text string) foldedText {
	folded := fold(text)
	return foldedText{folded, isASCII(folded), newPiece(text)}
}

// fold returns the text in normalization form C, with each character replaced by the
// smallest of those that differ from it by simple case folding.
func fold(text string) string { return strings.Map(foldRune, norm.NFC.String(text)) }

func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	smallest := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		smallest = min(smallest, next)
	}
	return smallest
}

// isIn reports whether text contains f.
func (f *foldedText) isIn(text string) bool {
	switch {
	case !isASCII(text):
		return strings.Contains(fold(text), f.text)
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
