package sanitize

import (
	"strings"
	"unicode/utf8"
)

// Form says which control characters a text may have.
type Form uint8

// The forms.
const (
	Line  Form = iota // none
	Prose             // tab, line feed and carriage return
)

// Safe reports whether s is printable ASCII without a backslash, so that Escape returns it
// unchanged. It checks eight bytes at a time: see [Plain].
func Safe(s string) bool {
	var bad uint64
	if len(s) >= 8 {
		bad = unsafeBytes(Load8(s)) | unsafeBytes(Load8(s[len(s)-8:])) // perhaps some bytes twice
		for i := 8; i < len(s)-8; i += 8 {
			bad |= unsafeBytes(Load8(s[i:]))
		}
	} else if len(s) >= 4 {
		bad = unsafeBytes(Load4(s) | Load4(s[len(s)-4:])<<32)
	} else {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c >= 0x7f || c == '\\' {
				return false
			}
		}
	}
	return bad&highs == 0
}

// unsafeBytes sets the high bit of each byte that is a control character, a backslash or
// not ASCII. A borrow or carry may set more, but only after such a byte.
func unsafeBytes(w uint64) uint64 {
	return w | (w - ' '*ones) | (w + ones) | ((w ^ '\\'*ones) - ones)
}

// Escape returns s as valid UTF-8 without control characters other than those of the form.
// It writes each byte that is not part of a character, and each byte of a control
// character, as \xNN with two lower-case hexadecimal digits. The backslash of a text that
// already has \x and two hexadecimal digits becomes \x5c, so that different texts stay
// different and [Unescape] returns s.
//
// Escape is not idempotent: whoever escapes a text must know that nobody has before.
func Escape(s string, form Form) string {
	n := safePrefix(s, form)
	if n == len(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	return string(appendEscaped(append(b, s[:n]...), s[n:], len(s)-n, form))
}

// EscapePrefix escapes the longest prefix of s whose escaped text has at most maxText bytes
// and takes at most maxJSON bytes in a JSON string. It also returns the length of the
// prefix. It splits neither a character nor an escape.
func EscapePrefix(s string, form Form, maxText, maxJSON int) (text string, n int) {
	length, width, plain := 0, 0, true
	for n < len(s) {
		size, escaped := unit(s[n:], form)
		l, w := unitWidths(s[n], size, escaped)
		if length+l > maxText || width+w > maxJSON {
			break
		}
		length, width, plain = length+l, width+w, plain && !escaped
		n += size
	}
	if plain {
		return s[:n], n
	}
	return string(appendEscaped(make([]byte, 0, length), s, n, form)), n
}

// Width returns how many bytes the escaped text takes in a JSON string, or a number greater
// than limit, once it is known that it takes more.
func Width(s string, form Form, limit int) int {
	if len(s) > limit {
		return len(s)
	}
	width := 0
	for i := 0; i < len(s) && width <= limit; {
		size, escaped := unit(s[i:], form)
		_, w := unitWidths(s[i], size, escaped)
		width += w
		i += size
	}
	return width
}

// Unescape returns the text that Escape has escaped to s.
func Unescape(s string) string {
	at := strings.Index(s, `\x`)
	if at < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for at = 0; at < len(s); {
		if isEscape(s[at:]) {
			b = append(b, hexDigit(s[at+2])<<4|hexDigit(s[at+3]))
			at += len(`\xNN`)
			continue
		}
		b = append(b, s[at])
		at++
	}
	return string(b)
}

// safePrefix returns the length of the longest prefix of s that Escape keeps as it is.
func safePrefix(s string, form Form) int {
	if Safe(s) {
		return len(s)
	}
	i := 0
	for i < len(s) {
		size, escaped := unit(s[i:], form)
		if escaped {
			return i
		}
		i += size
	}
	return i
}

// unit returns the size in bytes of what is escaped together at the start of s: a
// character or a byte that is not part of one. It also reports whether it is escaped.
func unit(s string, form Form) (size int, escaped bool) {
	c := s[0]
	switch {
	case c == '\\':
		return 1, isEscape(s)
	case c >= ' ' && c < 0x7f:
		return 1, false
	case c == '\t' || c == '\n' || c == '\r':
		return 1, form != Prose
	case c <= 0x7f:
		return 1, true
	}
	r, size := utf8.DecodeRuneInString(s)
	return size, r == utf8.RuneError && size == 1 || IsControl(r)
}

// unitWidths returns the length of a unit that starts with c, and how many bytes it takes
// in a JSON string.
func unitWidths(c byte, size int, escaped bool) (length, width int) {
	switch {
	case escaped:
		return len(`\xNN`) * size, len(`\\xNN`) * size
	case c == '"' || c == '\\' || c < ' ':
		return 1, 2
	}
	return size, size
}

// appendEscaped escapes the first n bytes of s, which are complete units.
func appendEscaped(b []byte, s string, n int, form Form) []byte {
	const digits = "0123456789abcdef"
	for i := 0; i < n; {
		size, escaped := unit(s[i:], form)
		if !escaped {
			b = append(b, s[i:i+size]...)
			i += size
			continue
		}
		for end := i + size; i < end; i++ {
			b = append(b, '\\', 'x', digits[s[i]>>4], digits[s[i]&15])
		}
	}
	return b
}

// isEscape reports whether s starts with \x and two hexadecimal digits.
func isEscape(s string) bool {
	return len(s) >= len(`\xNN`) && s[0] == '\\' && s[1] == 'x' && isHex(s[2]) && isHex(s[3])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// hexDigit returns the value of a hexadecimal digit.
func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// IsEscaped reports whether Escape returns s unchanged.
func IsEscaped(s string, form Form) bool { return safePrefix(s, form) == len(s) }
