// Package sanitize checks, escapes and cuts text, and names fields in errors without showing
// secrets.
package sanitize

import (
	"strings"
	"unicode/utf8"
)

// Plain reports whether s is valid UTF-8 without control characters.
//
// Most text is printable ASCII, which Plain checks eight bytes at a time. Subtracting a
// space from each byte sets the high bit of control characters, and adding one sets that
// of DEL. Bytes that are not ASCII have their high bit set already. A borrow or carry
// affects a neighbor only after such a byte.
func Plain(s string) bool {
	var bad uint64
	if len(s) >= 8 {
		for rest := s; len(rest) > 8; rest = rest[8:] {
			w := Load8(rest)
			bad |= w | (w - ' '*ones) | (w + ones)
		}
		w := Load8(s[len(s)-8:]) // the rest, and perhaps some bytes again
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

// The low and the high bits of eight bytes.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Load8 returns the first eight bytes of s, little-endian. The compiler turns it into one
// load.
func Load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Load4 returns the first four bytes of s, little-endian.
func Load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// plainUnicode is Plain for text that is not printable ASCII.
func plainUnicode(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, IsControl) < 0
}

// IsControl reports whether r is a control character (C0, DEL or C1).
func IsControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }
