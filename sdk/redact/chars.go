package redact

import (
	"strings"

	"github.com/opendeed/audit/record"
)

// class is a set of bytes, as bits.
type class uint16

const (
	digits class = 1 << iota
	hexLower
	otherLower
	hexUpper
	otherUpper
	underscore
	hyphen
	dot
	slash
	plus
	equals
	tilde
	blank   // space and tab
	newline // line feed and carriage return
	high    // a byte of a character that is not ASCII

	lower       = hexLower | otherLower
	upper       = hexUpper | otherUpper
	alpha       = lower | upper
	alnum       = alpha | digits
	hexDigits   = digits | hexLower | hexUpper
	word        = alnum | underscore | hyphen
	token       = word | dot
	base64Chars = alnum | slash | plus | equals
	space       = blank | newline
)

// classOf has the class of each byte.
var classOf = func() (classes [256]class) {
	for bytes, c := range map[string]class{
		"0123456789": digits, "abcdef": hexLower, "ghijklmnopqrstuvwxyz": otherLower,
		"ABCDEF": hexUpper, "GHIJKLMNOPQRSTUVWXYZ": otherUpper,
		"_": underscore, "-": hyphen, ".": dot, "/": slash, "+": plus, "=": equals, "~": tilde, "\t\x20": blank, "\r\n": newline,
	} {
		for i := range len(bytes) {
			classes[bytes[i]] = c
		}
	}
	for i := 0x80; i < 0x100; i++ {
		classes[i] = high
	}
	return classes
}()

// has reports whether the byte belongs to the set.
func (set class) has(c byte) bool { return classOf[c]&set != 0 }

// run returns the end of the run of bytes of the set that starts at i.
func (set class) run(text string, i int) int {
	for i < len(text) && classOf[text[i]]&set != 0 {
		i++
	}
	return i
}

// back returns the start of the run of bytes of the set that ends before i, but looks no
// further back than to limit.
func (set class) back(text string, i, limit int) int {
	for i > limit && classOf[text[i-1]]&set != 0 {
		i--
	}
	return i
}

// at reports whether the byte at i exists and belongs to the set.
func at(text string, i int, set class) bool { return i >= 0 && i < len(text) && set.has(text[i]) }

// isRandom reports whether a word looks like a password or a token, not like a word of a
// language, a date, a version, a number, a UUID or the name of a thing.
func isRandom(word string) bool {
	if strings.Contains(word, record.RedactedText) {
		word = strings.ReplaceAll(word, record.RedactedText, "") // it was masked before
	}
	return len(word) >= 6 && !isUUID(word) && !isOrdinary(word[:min(len(word), maxRandom)])
}

// isSecretOf reports whether a word beside the name of a secret is that secret. A UUID or a long
// number is one after a name of several words, such as API_TOKEN; in prose it is the ID of
// something.
func isSecretOf(name, word string) bool {
	return isRandom(word) || isCompound(name) && (isUUID(word) || len(word) >= 8 && digits.run(word, 0) == len(word))
}

// maxRandom is how much of a word is looked at.
const maxRandom = 400

// isOrdinary reports whether each part of a text between hyphens, underscores, dots and the
// like is ordinary: a word, a number, a short code such as v2 or 10k, or a word with a year.
func isOrdinary(text string) bool {
	for len(text) > 0 {
		n := alnum.run(text, 0)
		if n == 0 {
			if strings.IndexByte("!#$%^*?~|\\=<>{}", text[0]) >= 0 && len(text) > 1 {
				return false // signs that people put into passwords
			}
			text = text[1:]
			continue
		}
		if !isOrdinaryPart(text[:n]) {
			return false
		}
		text = text[n:]
	}
	return true
}

// maxWord is the length of the longest part that is taken for a word.
const maxWord = 18

func isOrdinaryPart(part string) bool {
	letters := alpha.run(part, 0)
	rest := part[letters:]
	switch {
	case rest == "":
		return len(part) <= maxWord && isCased(part)
	case letters == 0 && digits.run(part, 0) == len(part):
		return true
	case len(part) <= 4:
		return true
	case len(rest) == 4 && digits.run(rest, 0) == 4 && (rest[:2] == "19" || rest[:2] == "20"):
		return isCased(part[:letters])
	}
	return false
}

// isCased reports whether letters are in the case of a word: all small, all capitals, a
// capital first, or words written as one, such as camelCase.
func isCased(letters string) bool {
	changes := 0
	for i := 1; i < len(letters); i++ {
		if upper.has(letters[i]) && lower.has(letters[i-1]) {
			changes++
		}
	}
	return changes <= 1+len(letters)/7
}
