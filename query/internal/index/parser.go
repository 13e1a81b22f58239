package index

import (
	"encoding/binary"
	"math/bits"
)

// parser reads JSON in which there is no space between tokens. If nobody knows whether it is
// canonical, it fails where canonical JSON could be different.
type parser struct {
	json      []byte
	canonical bool
	at        int
	failed    bool
}

// fail makes the parser fail. Then it passes nothing any longer.
func (p *parser) fail() { p.failed, p.at = true, len(p.json) }

// need passes a byte that must be next.
func (p *parser) need(c byte) {
	if p.at >= len(p.json) || p.json[p.at] != c {
		p.fail()
		return
	}
	p.at++
}

// open passes an opening bracket, which an element must follow. It reports whether one does.
func (p *parser) open(opening, closing byte) bool {
	p.need(opening)
	if p.at < len(p.json) && p.json[p.at] == closing {
		p.fail()
	}
	return !p.failed
}

// next passes what follows an element, and reports whether there is another one.
func (p *parser) next(closing byte) bool {
	if p.at < len(p.json) && p.json[p.at] == closing {
		p.at++
		return false
	}
	p.need(',')
	return !p.failed
}

// text passes a string that is not empty, and returns it as it is in the JSON. Characters are not
// checked.
func (p *parser) text() []byte {
	start := p.at + 1
	escaped := p.string()
	if !p.canonical && (escaped || p.at == start+1) {
		p.fail()
	}
	if p.failed {
		return nil
	}
	return p.json[start : p.at-1]
}

// plain is text, but fails for what may be no valid string.
func (p *parser) plain() []byte {
	start := p.at
	text := p.text()
	if !p.canonical && !p.failed && !isPlainText(p.json[start:p.at]) {
		p.fail()
	}
	return text
}

// hex passes a text of lower-case hexadecimal digits, not all zero.
func (p *parser) hex(digits int) []byte {
	text := p.text()
	if len(text) != digits || !isHex(text) {
		p.fail()
	}
	return text
}

// uuid passes a UUID, which is not zero.
func (p *parser) uuid() []byte {
	text := p.text()
	if !isUUID(text) {
		p.fail()
	}
	return text
}

// instant passes a time, and returns its Unix nanoseconds.
func (p *parser) instant() int64 {
	at, ok := parseTime(p.text())
	if !ok {
		p.fail()
	}
	return at
}

// shortInteger passes an integer of up to 15 digits, if it is next, without a sign.
func (p *parser) shortInteger() bool {
	at := p.at
	for at < len(p.json) && '0' <= p.json[at] && p.json[at] <= '9' {
		at++
	}
	n := at - p.at
	if n == 0 || n > 15 || n > 1 && p.json[p.at] == '0' || at == len(p.json) || p.json[at] != ',' && p.json[at] != '}' {
		return false
	}
	p.at = at
	return true
}

// string passes a string, and reports whether it has escapes.
func (p *parser) string() (escaped bool) {
	p.need('"')
	at := p.at
	for {
		for ; at+8 <= len(p.json); at += 8 {
			if w := binary.LittleEndian.Uint64(p.json[at:]); hasByte(w, '"')|hasByte(w, '\\') != 0 {
				at += bits.TrailingZeros64(hasByte(w, '"')|hasByte(w, '\\')) / 8
				break
			}
		}
		for at < len(p.json) && p.json[at] != '"' && p.json[at] != '\\' {
			at++
		}
		switch {
		case at >= len(p.json):
			p.fail()
			return escaped
		case p.json[at] == '"':
			p.at = at + 1
			return escaped
		}
		escaped = true
		at = min(at+2, len(p.json))
	}
}

// skip passes a value. Unless it is nil, s gets the grams of all texts in it.
func (p *parser) skip(s *signature) {
	depth := 0
	for p.at < len(p.json) {
		switch c := p.json[p.at]; c {
		case '"':
			start := p.at
			if p.string(); s != nil && !p.failed {
				s.add(p.json[start:p.at])
			}
		case '{', '[':
			depth++
			p.at++
		case '}', ']':
			if depth == 0 {
				return
			}
			depth--
			p.at++
		case ',':
			if depth == 0 {
				return
			}
			p.at++
		default:
			p.at++
			continue // a part of a number or a word
		}
		if depth == 0 {
			return
		}
	}
}
