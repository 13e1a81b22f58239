package canonical

import (
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/sanitize"
)

// unplain sets the high bit of each of the eight bytes in w that a JSON string may not
// contain as it is, or that is not ASCII: control characters, the quote, the backslash.
// A borrow may set more bits, but only above the first.
func unplain(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	notASCII := w
	control := w - ' '*ones
	quote := (w ^ '"'*ones) - ones
	backslash := (w ^ '\\'*ones) - ones
	return (notASCII | control | quote | backslash) & highs
}

// isPlain reports which bytes are ASCII and need no escape in a JSON string.
var isPlain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// plainPrefix returns the number of plain bytes at the start of s.
func plainPrefix(s string) int {
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		if ends := unplain(sanitize.Load8(s[i:])); ends != 0 {
			return i + bits.TrailingZeros64(ends)/8
		}
	}
	for i < len(s) && isPlain[s[i]] {
		i++
	}
	return i
}

// String appends a string, with the escapes of RFC 8785 and no others, and the byte
// next. Most strings need no escapes.
func (w *Writer) String(b []byte, s string, next byte) []byte {
	b = append(b, '"')
	if !allPlain(s) {
		return w.escapedString(b, s, next)
	}
	b = append(b, s...)
	return append(b, '"', next)
}

// stringMember appends a member that is a string, and a comma.
func (w *Writer) stringMember(b []byte, name, text string) []byte {
	if !allPlain(name) || !allPlain(text) {
		return w.String(w.String(b, name, ':'), text, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":"`...)
	b = append(b, text...)
	return append(b, `",`...)
}

// allPlain reports whether all bytes of s are plain.
func allPlain(s string) bool {
	var odd uint64
	if len(s) >= 8 {
		odd = unplain(sanitize.Load8(s[len(s)-8:])) // the rest, and some bytes again
		for ; len(s) > 8; s = s[8:] {
			odd |= unplain(sanitize.Load8(s))
		}
	} else if len(s) >= 4 {
		odd = unplain(sanitize.Load4(s) | sanitize.Load4(s[len(s)-4:])<<32)
	} else {
		for i := range len(s) {
			if !isPlain[s[i]] {
				return false
			}
		}
	}
	return odd == 0
}

// escapedString appends what String does, after the opening quote.
func (w *Writer) escapedString(b []byte, s string, next byte) []byte {
	if !utf8.ValidString(s) {
		w.Fail(b, "it is not valid UTF-8")
	}
	return append(appendEscaped(b, s), '"', next)
}

func appendEscaped(b []byte, s string) []byte {
	for {
		n := plainPrefix(s)
		b = append(b, s[:n]...)
		if n == len(s) {
			return b
		}
		switch c := s[n]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			if c < ' ' {
				const digits = "0123456789abcdef"
				b = append(b, `\u00`...)
				b = append(b, digits[c>>4], digits[c&15])
			} else {
				b = append(b, c) // a byte of a character beyond ASCII
			}
		}
		s = s[n+1:]
	}
}

// String reads a string.
func (r *Reader) String() string { return r.quoted("it must be a string") }

// quoted reads a string, or fails with the reason missing if the next token is none. A
// string without escapes shares the memory of the text.
func (r *Reader) quoted(missing string) string {
	if r.Peek() != '"' {
		r.Fail(r.pos, missing)
		return ""
	}
	start := r.pos + 1
	end := start + plainPrefix(r.text[start:])
	if end < len(r.text) && r.text[end] == '"' {
		r.pos = end + 1
		return r.text[start:end]
	}
	return r.escapedString(start)
}

// escapedString reads a string with escapes or characters beyond ASCII.
func (r *Reader) escapedString(start int) string {
	var unescaped []byte
	from := start // the text between from and at has no escapes
	at := start
	for {
		at += plainPrefix(r.text[at:])
		if at == len(r.text) {
			r.failAt(at, "the text ends inside a string")
			return ""
		}
		switch c := r.text[at]; {
		case c == '"':
			r.pos = at + 1
			if unescaped == nil {
				return r.text[start:at]
			}
			return string(append(unescaped, r.text[from:at]...))
		case c == '\\':
			char, n := unescape(r.text[at:])
			if n == 0 {
				r.failAt(at, "a string has an escape that is not valid JSON or Unicode")
				return ""
			}
			unescaped = append(unescaped, r.text[from:at]...)
			unescaped = utf8.AppendRune(unescaped, char)
			at += n
			from = at
		case c < ' ':
			r.failAt(at, "a string has a control character without an escape")
			return ""
		default:
			char, n := utf8.DecodeRuneInString(r.text[at:])
			if char == utf8.RuneError && n == 1 {
				r.failAt(at, "a string is not valid UTF-8")
				return ""
			}
			at += n
		}
	}
}

// unescape returns the character of the escape at the start of s, and the length of
// the escape. The length is 0 for an invalid escape and for half of a surrogate pair.
func unescape(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'f':
		return '\f', 2
	case 'r':
		return '\r', 2
	case 'u':
		r, ok := unescapeUnit(s)
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		low, ok := unescapeUnit(s[6:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, 0
		}
		return r, 12
	}
	return 0, 0
}

// unescapeUnit parses \u and four digits, a UTF-16 code unit.
func unescapeUnit(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(u), err == nil
}
