package query

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// piece is a part of a text that is in every text that is equal but for case and Unicode
// normalization, and in its JSON: it has only ASCII of which no other character is a
// variant, and which JSON does not escape.
type piece struct {
	lower, upper string
	// pair are the two characters that are looked for first, and at is where in the piece they
	// are. Unless there are two, pair is not used.
	pair [2]repeated
	at   int
}

// repeated is a character in each byte of a word, to compare it with eight characters at once.
type repeated struct {
	lower uint64
	// letter has the bit that distinguishes the case of letters, if the character is one.
	letter uint64
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

func repeat(lower byte) repeated {
	r := repeated{lower: lowBits * uint64(lower)}
	if 'a' <= lower && lower <= 'z' {
		r.letter = lowBits * ('a' - 'A')
	}
	return r
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
	rarest := -1
	for i := range len(p.lower) - 1 {
		if rare := rarity(p.lower[i]) + rarity(p.lower[i+1]); rare > rarest {
			rarest, p.at = rare, i
			p.pair = [2]repeated{repeat(p.lower[i]), repeat(p.lower[i+1])}
		}
	}
	return p
}

// rarity orders characters by how rare they are in the JSON of records.
func rarity(c byte) int {
	const common = `:,etaoinrdcl0m1u-2p.v3fg4h5_69y78b/{}wjx[]qz`
	if at := strings.IndexByte(common, c); at >= 0 {
		return at
	}
	return len(common)
}

// isIn reports whether the JSON has the piece, in any case.
func (p *piece) isIn(json []byte) bool {
	n := len(p.lower)
	switch {
	case n == 0:
		return true
	case n == 1:
		return bytes.IndexByte(json, p.lower[0]) >= 0 || bytes.IndexByte(json, p.upper[0]) >= 0
	case n > len(json):
		return false
	}
	pairs := json[p.at : len(json)-n+p.at+2] // of the first two of these bytes, and so on
	for from := 0; ; from++ {
		at := p.findPair(pairs[from:])
		if at < 0 {
			return false
		}
		if from += at; p.isAt(json[from:]) {
			return true
		}
	}
}

// window is how many places findPair searches at once.
const window = 32

// findPair returns where the pair is, or -1.
func (p *piece) findPair(b []byte) int {
	last := len(b) - (window + 1)
	if last < 0 {
		var padded [window + 1]byte // with zeros, which are in no piece
		copy(padded[:], b)
		return p.findPair(padded[:])
	}
	first, second, firstLetter, secondLetter := p.pair[0].lower, p.pair[1].lower, p.pair[0].letter, p.pair[1].letter
	le := binary.LittleEndian
	for at := 0; ; at = min(at+window, last) {
		w := (*[window + 1]byte)(b[at:])
		// Bytes are zero where both characters are.
		w0 := ((le.Uint64(w[0:]) | firstLetter) ^ first) | ((le.Uint64(w[1:]) | secondLetter) ^ second)
		w1 := ((le.Uint64(w[8:]) | firstLetter) ^ first) | ((le.Uint64(w[9:]) | secondLetter) ^ second)
		w2 := ((le.Uint64(w[16:]) | firstLetter) ^ first) | ((le.Uint64(w[17:]) | secondLetter) ^ second)
		w3 := ((le.Uint64(w[24:]) | firstLetter) ^ first) | ((le.Uint64(w[25:]) | secondLetter) ^ second)
		// The lowest bit that is set is that of the first byte that is zero.
		w0, w1, w2, w3 = (w0-lowBits)&^w0, (w1-lowBits)&^w1, (w2-lowBits)&^w2, (w3-lowBits)&^w3
		switch {
		case (w0|w1|w2|w3)&highBits == 0:
			if at == last {
				return -1
			}
		case w0&highBits != 0:
			return at + bits.TrailingZeros64(w0&highBits)/8
		case w1&highBits != 0:
			return at + 8 + bits.TrailingZeros64(w1&highBits)/8
		case w2&highBits != 0:
			return at + 16 + bits.TrailingZeros64(w2&highBits)/8
		default:
			return at + 24 + bits.TrailingZeros64(w3&highBits)/8
		}
	}
}

// isAt reports whether the JSON, which is long enough, begins with the piece.
func (p *piece) isAt(json []byte) bool {
	for i := range len(p.lower) {
		if c := json[i]; c != p.lower[i] && c != p.upper[i] {
			return false
		}
	}
	return true
}
