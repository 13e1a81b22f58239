package record

import (
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/opendeed/audit/internal/sanitize"
)

// unplain has a bit for each of the eight bytes in w that is not itself in a JSON
// string: what is not ASCII, control characters, the quote and the backslash. It is
// the high bit of that byte. A borrow may set more of them, but only above the
// first.
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

// isPlain has the bytes that are themselves in a JSON string.
var isPlain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// plainPrefix returns how many bytes s begins with that are themselves in a JSON
// string.
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

// string writes a string, with the escapes of RFC 8785 and no others, and the byte
// that comes behind it. Nearly all strings need no escapes.
func (w *jsonWriter) string(b []byte, s string, behind byte) []byte {
	b = append(b, '"')
	if !allPlain(s) {
		return w.oddString(b, s, behind)
	}
	b = append(b, s...)
	return append(b, '"', behind)
}

// member writes a member that is a string, and a comma.
func (w *jsonWriter) member(b []byte, name, text string) []byte {
	if !allPlain(name) || !allPlain(text) {
		return w.string(w.string(b, name, ':'), text, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":"`...)
	b = append(b, text...)
	return append(b, `",`...)
}

// allPlain reports whether all bytes are themselves in a JSON string.
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

// oddString writes what string does, behind the quote.
func (w *jsonWriter) oddString(b []byte, s string, behind byte) []byte {
	if !utf8.ValidString(s) {
		w.fail(b, "it is not valid UTF-8")
	}
	return append(appendEscaped(b, s), '"', behind)
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

// string reads a string.
func (p *jsonReader) string() string { return p.quoted("it must be a string") }

// quoted reads a string, or fails for the reason. The string is a part of the text
// that is read, where it has no escapes.
func (p *jsonReader) quoted(missing string) string {
	if p.peek() != '"' {
		p.fail(p.pos, missing)
		return ""
	}
	start := p.pos + 1
	end := start + plainPrefix(p.text[start:])
	if end < len(p.text) && p.text[end] == '"' {
		p.pos = end + 1
		return p.text[start:end]
	}
	return p.oddString(start)
}

// oddString reads a string that has more than plain ASCII.
func (p *jsonReader) oddString(start int) string {
	var unescaped []byte
	from := start // what lies between here and at is as it is written
	at := start
	for {
		at += plainPrefix(p.text[at:])
		if at == len(p.text) {
			p.failAt(at, "the text ends inside a string")
			return ""
		}
		switch c := p.text[at]; {
		case c == '"':
			p.pos = at + 1
			if unescaped == nil {
				return p.text[start:at]
			}
			return string(append(unescaped, p.text[from:at]...))
		case c == '\\':
			r, n := unescape(p.text[at:])
			if n == 0 {
				p.failAt(at, "a string has an escape that JSON or Unicode does not know")
				return ""
			}
			unescaped = append(unescaped, p.text[from:at]...)
			unescaped = utf8.AppendRune(unescaped, r)
			at += n
			from = at
		case c < ' ':
			p.failAt(at, "a string has a control character without an escape")
			return ""
		default:
			r, n := utf8.DecodeRuneInString(p.text[at:])
			if r == utf8.RuneError && n == 1 {
				p.failAt(at, "a string is not valid UTF-8")
				return ""
			}
			at += n
		}
	}
}

// unescape returns the character of the escape that s begins with, and how long
// that is: 0 if it is none, or half of a surrogate pair without the other.
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

// unescapeUnit reads \u and four digits, a code unit of UTF-16.
func unescapeUnit(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(u), err == nil
}
