package record

import (
	"math/bits"
	"strings"
)

// jsonReader reads tokens of JSON. The first failure is kept and ends the text, so
// that whoever reads need not ask after each token whether it was there: nothing
// else will be.
type jsonReader struct {
	text   string
	pos    int    // what was not read yet begins here
	failed int    // where reading failed
	reason string // why; empty if it did not
}

// fail says what is wrong with the token at or behind at.
func (p *jsonReader) fail(at int, reason string) { p.failAt(p.skipSpace(at), reason) }

// failAt keeps what is wrong at at, unless something was wrong before.
func (p *jsonReader) failAt(at int, reason string) {
	if p.reason == "" {
		p.failed, p.reason = at, reason
	}
	p.pos = len(p.text)
}

const jsonSpace = " \t\n\r"

func (p *jsonReader) skipSpace(at int) int {
	for at < len(p.text) && strings.IndexByte(jsonSpace, p.text[at]) >= 0 {
		at++
	}
	return at
}

// peek returns the first byte of the token ahead, or 0 at the end.
func (p *jsonReader) peek() byte {
	if p.pos < len(p.text) && p.text[p.pos] > ' ' {
		return p.text[p.pos]
	}
	if p.pos = p.skipSpace(p.pos); p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// need reads c, or fails for the reason.
func (p *jsonReader) need(c byte, missing string) {
	if p.peek() != c {
		p.fail(p.pos, missing)
		return
	}
	p.pos++
}

// open reads an opening bracket, and the closing one if that comes next. It
// reports whether the first element or member is ahead.
func (p *jsonReader) open(opening, closing byte) bool {
	if p.peek() != opening {
		if opening == '{' {
			p.fail(p.pos, "it must be an object")
		} else {
			p.fail(p.pos, "it must be an array")
		}
		return false
	}
	p.pos++
	if p.peek() != closing {
		return true
	}
	p.pos++
	return false
}

// next reads a comma or the closing bracket. It reports whether another element or
// member is ahead.
func (p *jsonReader) next(closing byte) bool {
	if p.peek() == ',' {
		p.pos++
		return true
	}
	p.need(closing, "a comma or a closing bracket is missing")
	return false
}

// key reads the name of a member and the colon.
func (p *jsonReader) key() string {
	key := p.quoted("the name of a member is missing")
	p.need(':', "a colon is missing")
	return key
}

func (p *jsonReader) literal(word string) {
	if !strings.HasPrefix(p.text[p.pos:], word) {
		p.fail(p.pos, missingValue)
		return
	}
	p.pos += len(word)
}

// end fails if anything but white space is ahead.
func (p *jsonReader) end() {
	if p.pos = p.skipSpace(p.pos); p.pos < len(p.text) {
		p.fail(p.pos, "there is more behind the record")
	}
}

// jsonMember is a member that an object of the record may have.
type jsonMember struct {
	name     string
	required bool
}

// member reads the name of one of the members, each of which may come once, and
// the colon. seen has a bit for each that came.
func (p *jsonReader) member(members []jsonMember, seen *uint32) string {
	at := p.pos
	name := p.key()
	// The text is most likely in canonical order.
	likely := bits.Len32(*seen)
	for i := range members {
		i += likely
		if i >= len(members) {
			i -= len(members)
		}
		if members[i].name != name {
			continue
		}
		if *seen&(1<<i) != 0 {
			p.fail(at, "the member is there twice")
			return ""
		}
		*seen |= 1 << i
		return name
	}
	p.fail(at, "the member is unknown")
	return ""
}

// complete fails if a required member is missing in the object that began at
// start.
func (p *jsonReader) complete(start int, members []jsonMember, seen uint32) {
	for i, m := range members {
		if m.required && seen&(1<<i) == 0 {
			p.fail(start, "the member "+m.name+" is missing")
			return
		}
	}
}

// endOfValue returns where the value that begins at or behind at ends. What is
// not JSON is as long as it may be.
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
