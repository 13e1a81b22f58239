package canonical

import "strings"

// Reader reads JSON that a [Writer] could have written, in any layout: with members in
// any order, white space between tokens, and escapes that are not needed.
//
// The Reader keeps the first failure and then skips the rest of the text, so that
// loops over it end. What it returns after a failure is meaningless.
type Reader struct {
	text   string
	pos    int // the start of the text that was not read yet
	failed int
	reason string // empty if nothing failed
}

// NewReader returns a Reader of text. The strings that it returns may share the memory
// of text.
func NewReader(text string) Reader { return Reader{text: text} }

// Pos returns the offset of the text that was not read yet, which may start with white
// space.
func (r *Reader) Pos() int { return r.pos }

// Fail records that the token at or after the offset is wrong, unless something failed
// before.
func (r *Reader) Fail(at int, reason string) { r.failAt(r.skipSpace(at), reason) }

// failAt is Fail for the offset itself.
func (r *Reader) failAt(at int, reason string) {
	if r.reason == "" {
		r.failed, r.reason = at, reason
	}
	r.pos = len(r.text)
}

// Failed reports whether something failed.
func (r *Reader) Failed() bool { return r.reason != "" }

// Failure returns the offset and the reason of the first failure. The reason is empty
// if nothing failed.
func (r *Reader) Failure() (at int, reason string) { return r.failed, r.reason }

// Rest skips white space and returns the text that was not read yet.
func (r *Reader) Rest() string {
	r.pos = r.skipSpace(r.pos)
	return r.text[r.pos:]
}

// Skip skips the next n bytes.
func (r *Reader) Skip(n int) { r.pos += n }

const jsonSpace = " \t\n\r"

func (r *Reader) skipSpace(at int) int {
	for at < len(r.text) && strings.IndexByte(jsonSpace, r.text[at]) >= 0 {
		at++
	}
	return at
}

// Peek skips white space and returns the first byte of the next token, or 0 at the end.
func (r *Reader) Peek() byte {
	if r.pos < len(r.text) && r.text[r.pos] > ' ' {
		return r.text[r.pos]
	}
	if r.pos = r.skipSpace(r.pos); r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

// need reads c, or fails with the reason.
func (r *Reader) need(c byte, reason string) {
	if r.Peek() != c {
		r.Fail(r.pos, reason)
		return
	}
	r.pos++
}

// Open reads the opening bracket of an object or array and, if it is empty, the
// closing one. It reports whether a first member or element follows.
func (r *Reader) Open(opening, closing byte) bool {
	if r.Peek() != opening {
		if opening == '{' {
			r.Fail(r.pos, "it must be an object")
		} else {
			r.Fail(r.pos, "it must be an array")
		}
		return false
	}
	r.pos++
	if r.Peek() != closing {
		return true
	}
	r.pos++
	return false
}

// Next reads a comma or the closing bracket. It reports whether another member or
// element follows.
func (r *Reader) Next(closing byte) bool {
	if r.Peek() == ',' {
		r.pos++
		return true
	}
	r.need(closing, "a comma or a closing bracket is missing")
	return false
}

// key reads the name of a member and the colon.
func (r *Reader) key() string {
	key := r.quoted("the name of a member is missing")
	r.need(':', "a colon is missing")
	return key
}

// Literal reads true, false or null.
func (r *Reader) Literal(word string) {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		r.Fail(r.pos, missingValue)
		return
	}
	r.pos += len(word)
}

// End fails if anything but white space follows.
func (r *Reader) End() {
	if r.pos = r.skipSpace(r.pos); r.pos < len(r.text) {
		r.Fail(r.pos, "more text follows the end")
	}
}

// ValueEnd returns the offset at which the value that starts text ends. Text that is
// not JSON is a value as long as possible.
func ValueEnd(text string) int { return endOfValue(text, 0) }

// endOfValue is ValueEnd for the value at or after the offset.
func endOfValue(text string, at int) int {
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			at = endOfString(text, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return len(text)
}

func endOfString(text string, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '"':
			return at + 1
		case '\\':
			at++
		}
	}
	return len(text)
}
