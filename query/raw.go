package query

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MayMatchJSON reports whether a record with the JSON may match, without decoding it. It
// looks for the words of the filter, and only rules out records: what it passes must still
// be matched. The JSON must be canonical (record.Record.AppendJSON).
func (m *Matcher) MayMatchJSON(json []byte) bool {
	for _, words := range [...][]word{m.words, m.reasons, m.failures} {
		for i := range words {
			if !words[i].mayBeIn(json) {
				return false
			}
		}
	}
	return true
}

// mayBeIn reports whether JSON has the piece of one of the word's forms.
func (w *word) mayBeIn(json []byte) bool {
	for i := range w.forms {
		if w.forms[i].piece.isIn(json) {
			return true
		}
	}
	return false
}

// piece is a part of a text that is in every text that is equal but for case and Unicode
// normalization, and in its JSON: it has only ASCII of which no other character is a
// variant, and which JSON does not escape.
type piece struct {
	lower, upper string
	rarest       int // the index of the character to look for first
}

// newPiece returns the longest piece of a text, which is empty if it has none.
func newPiece(text string) piece {
	var p piece
	for part := range strings.FieldsFuncSeq(norm.NFC.String(text), func(r rune) bool {
		return r <= ' ' || r >= utf8.RuneSelf-1 || strings.ContainsRune("`;\"\\kKsS", r)
	}) {
		if len(part) > len(p.lower) {
			p.lower, p.upper = strings.ToLower(part), strings.ToUpper(part)
		}
	}
	for i := range len(p.lower) {
		if rarity(p.lower[i]) > rarity(p.lower[p.rarest]) {
			p.rarest = i
		}
	}
	return p
}

// rarity orders characters by how rare they are in the JSON of records.
func rarity(c byte) int {
	const common = `etaoinrdcl0m1u-2p.v3fg4h5_69y78bwjxqz`
	if at := strings.IndexByte(common, c); at >= 0 {
		return at
	}
	return len(common)
}

// isIn reports whether the JSON has the piece, in any case.
func (p *piece) isIn(json []byte) bool {
	if p.lower == "" {
		return true
	}
	lower, upper := p.lower[p.rarest], p.upper[p.rarest]
	return p.isAround(json, lower) || lower != upper && p.isAround(json, upper)
}

// isAround reports whether the JSON has the piece with this spelling of its rarest character.
func (p *piece) isAround(json []byte, c byte) bool {
	for from := p.rarest; from < len(json); from++ {
		n := bytes.IndexByte(json[from:], c)
		if n < 0 {
			return false
		}
		if from += n; p.isAt(json[from-p.rarest:]) {
			return true
		}
	}
	return false
}

func (p *piece) isAt(json []byte) bool {
	if len(json) < len(p.lower) {
		return false
	}
	for i := range len(p.lower) {
		if c := json[i]; c != p.lower[i] && c != p.upper[i] {
			return false
		}
	}
	return true
}
