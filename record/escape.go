package record

import "github.com/opendeed/audit/internal/sanitize"

// EscapeName returns a text of one line, such as an ID, a tenant or a key, as a record has
// it: each byte that is not part of a character, and each byte of a control character, is
// written as \xNN. Different texts stay different: a backslash that precedes x and two
// hexadecimal digits in the original becomes \x5c. Escaping a text twice changes it again.
func EscapeName(text string) string { return sanitize.Escape(text, sanitize.Line) }

// CutName returns a text that says who or what, such as an ID, a type or a tenant, as a
// record has it: escaped, and without what exceeds MaxNameLength. If it is cut, the record
// has a mark.Cut with the hash of the text.
func CutName(text string) (kept string, cut bool) {
	kept, n := sanitize.EscapePrefix(text, sanitize.Line, MaxNameLength, 2*MaxNameLength)
	return kept, n < len(text)
}

// EscapeText is EscapeName for a text of several lines, such as a reason or a value. It
// keeps tab, line feed and carriage return.
func EscapeText(text string) string { return sanitize.Escape(text, sanitize.Prose) }

// Unescape returns the text that EscapeName or EscapeText has escaped.
func Unescape(text string) string { return sanitize.Unescape(text) }
