// Package term knows the terminal: its width, its colors, and which text is safe to show.
package term

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// defaultWidth is that of a terminal that does not say how wide it is.
const defaultWidth = 80

// Is reports whether w is a terminal.
func Is(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Columns returns the width of the terminal w.
func Columns(w any) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	return defaultWidth
}

// Printable reports whether a terminal shows the character, and does nothing else: it is
// no control character, and it doesn't change the direction of others or hide.
func Printable(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }

// Clean returns s with each character that is not [Printable] escaped, so that a record
// cannot move the cursor, forge a line or turn text around.
func Clean(s string) string {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !Printable(r) {
			return string(appendClean([]byte(s[:i]), s[i:]))
		}
		i += size
	}
	return s
}

func appendClean(b []byte, s string) []byte {
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case Printable(r):
			b = append(b, s[:size]...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r < utf8.RuneSelf || r == utf8.RuneError && size == 1:
			b = append(b, '\\', 'x', hexDigits[s[0]>>4], hexDigits[s[0]&15])
		default:
			b = appendUnicode(b, r)
		}
		s = s[size:]
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendUnicode appends \uNNNN, and two of them for a character beyond the first plane, as
// JSON does.
func appendUnicode(b []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		return appendUnicode(appendUnicode(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return append(b, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// CleanWriter returns a writer to a terminal for JSON and CSV. It escapes whatever is not
// [Printable], except line feeds and carriage returns before them, in a form that keeps
// JSON valid and unchanged. Each call must write whole characters.
func CleanWriter(w io.Writer) io.Writer { return cleanWriter{w} }

type cleanWriter struct{ w io.Writer }

// Write implements io.Writer.
func (c cleanWriter) Write(p []byte) (int, error) {
	b := make([]byte, 0, len(p)+64)
	for rest := p; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == '\n', r == '\r' && len(rest) > 1 && rest[1] == '\n', Printable(r):
			b = append(b, rest[:size]...)
		default:
			b = appendUnicode(b, r)
		}
		rest = rest[size:]
	}
	if _, err := c.w.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Width returns how many columns a clean text takes.
func Width(s string) (columns int) {
	for _, r := range s {
		columns += runeWidth(r)
	}
	return columns
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// Fit returns s, or, if it takes more columns than that, its beginning and an ellipsis.
func Fit(s string, columns int) string {
	if Width(s) <= columns {
		return s
	}
	if columns < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		if used+runeWidth(r) > columns-1 {
			return s[:i] + "…"
		}
		used += runeWidth(r)
	}
	return s
}

// Pad returns s with spaces up to a width.
func Pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-Width(s)))
}

// Style is an escape sequence.
type Style string

// The styles.
const (
	Plain  Style = "\x1b[0m"
	Bold   Style = "\x1b[1m"
	Dim    Style = "\x1b[2m"
	Red    Style = "\x1b[31m"
	Green  Style = "\x1b[32m"
	Yellow Style = "\x1b[33m"
	Cyan   Style = "\x1b[36m"
)

// Palette applies styles, or none.
type Palette struct{ Colors bool }

// In returns the text in a style.
func (p Palette) In(s Style, text string) string {
	if !p.Colors || s == "" || text == "" {
		return text
	}
	return string(s) + text + string(Plain)
}
