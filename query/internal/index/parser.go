package index

import (
	"encoding/binary"
	"math/bits"
)

// parser reads JSON in which there is no space between tokens. If nobody knows whether it is
// canonical, it fails where a text could be spelled in another way than in canonical JSON.
type parser struct {
	json      []byte
	canonical bool
	at        int
	failed    bool
}

// need passes a byte that must be next.
func (p *parser) need(c byte) {
	if p.at >= len(p.json) || p.json[p.at] != c {
		p.failed, p.at = true, len(p.json)
		return
	}
	p.at++
}

// open passes an opening bracket. It reports whether an element follows.
func (p *parser) open(opening, closing byte) bool {
	p.need(opening)
	if p.at < len(p.json) && p.json[p.at] == closing {
		p.at++
		return false
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

// name passes the name of a member and the colon.
func (p *parser) name() []byte {
	name := p.text()
	p.need(':')
	return name
}

// text passes a string, and returns it as it is in the JSON.
func (p *parser) text() []byte {
	start := p.at + 1
	escaped := p.string()
	if escaped && !p.canonical || p.failed {
		p.failed = true
		return nil
	}
	return p.json[start : p.at-1]
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
			p.failed, p.at = true, len(p.json)
			return escaped
		case p.json[at] == '"':
			p.at = at + 1
			return escaped
		}
		escaped = true
		at = min(at+2, len(p.json))
	}
}

// hasByte returns a number whose lowest bit is in the first byte of w that is c; it is zero if
// none is.
func hasByte(w uint64, c byte) uint64 {
	const ones = 0x0101_0101_0101_0101
	w ^= ones * uint64(c)
	return (w - ones) &^ w & (ones << 7)
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
