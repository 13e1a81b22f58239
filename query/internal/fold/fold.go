// Package fold puts texts into the form in which words are compared: neither case nor Unicode
// normalization counts.
package fold

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/opendeed/audit/record"
	"golang.org/x/text/unicode/norm"
)

// Text returns the text in normalization form C, with each character replaced by the
// smallest of those that differ from it by simple case folding.
func Text(text string) string { return strings.Map(char, norm.NFC.String(text)) }

func char(r rune) rune {
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

// Words splits the text of a filter into its words. Each has one or two forms, which are not
// folded: escaped as a record would have it and, if that differs, as it was given.
func Words(text string) (words [][]string) {
	for w := range strings.FieldsSeq(text) {
		forms := []string{record.EscapeText(w)}
		if forms[0] != w {
			forms = append(forms, w)
		}
		words = append(words, forms)
	}
	return words
}
