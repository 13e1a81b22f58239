// Package sanitize holds the rules for text: which text is plain, how other text is
// made valid, and how a field is named in errors without showing what may be secret.
package sanitize

import (
	"strings"
	"unicode/utf8"
)

// Plain reports whether s is valid UTF-8 without control characters. Most
// text is printable ASCII, of which it looks at eight bytes at a time: after the
// subtraction a byte's high bit tells that it was below a space, after the
// addition that it was DEL, and the bytes' own high bits that they are not ASCII.
func Plain(s string) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	var bad uint64
	if len(s) >= 8 {
		for rest := s; len(rest) > 8; rest = rest[8:] {
			w := Load8(rest)
			bad |= w | (w - ' '*ones) | (w + ones)
		}
		w := Load8(s[len(s)-8:]) // the rest, and some bytes again
		bad |= w | (w - ' '*ones) | (w + ones)
	} else if len(s) >= 4 {
		w := Load4(s) | Load4(s[len(s)-4:])<<32
		bad = w | (w - ' '*ones) | (w + ones)
	} else {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c >= 0x7f {
				return plainUnicode(s)
			}
		}
	}
	return bad&highs == 0 || plainUnicode(s)
}

// Load8 reads eight bytes; the compiler makes it one load.
func Load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Load4 reads four bytes.
func Load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

func plainUnicode(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, IsControl) < 0
}

// IsControl reports whether r is a control character.
func IsControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }

// isStray reports whether r is a control character that no text of several lines
// needs.
func isStray(r rune) bool { return IsControl(r) && r != '\t' && r != '\n' && r != '\r' }

// Prose replaces invalid bytes and stray control characters by U+FFFD.
func Prose(s string) string {
	if Plain(s) || utf8.ValidString(s) && strings.IndexFunc(s, isStray) < 0 {
		return s
	}
	return Replace(s, isStray)
}

// Replace returns s with U+FFFD in place of invalid bytes and of the runes that bad
// reports.
func Replace(s string, bad func(rune) bool) string {
	return strings.Map(func(r rune) rune { // an invalid byte comes as U+FFFD
		if bad(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// Cut shortens s to at most n bytes, at a character's end.
func Cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// MaxClient is how many bytes of a text from a client are kept.
const MaxClient = 512

// Client returns s cut to MaxClient bytes, at the end of a character, with U+FFFD in
// place of invalid bytes and control characters.
func Client(s string) string {
	if len(s) <= MaxClient && Plain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // an invalid byte is read as U+FFFD
		if IsControl(r) {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > MaxClient {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
