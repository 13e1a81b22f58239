package index

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// sink receives the terms of an entry.
type sink interface {
	// term receives a term with one text, and pair one with two. The texts are valid
	// during the call only.
	term(f Field, text []byte)
	pair(f Field, name, value []byte)
	// text receives a text that is searched for words, as it is in the JSON, with its quotes.
	text(json []byte)
}

// extract passes the terms of a record to s and returns its time, in Unix nanoseconds. It
// reads canonical JSON without decoding it. Unless canonical is true, nobody knows whether the
// entry is canonical; ok is then false where its terms could be spelled in another way than
// those of the decoded record. What s has received then has no meaning.
func extract(json []byte, canonical bool, s sink) (at int64, ok bool) {
	p := parser{json: json, canonical: canonical}
	timed := false
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch string(p.name()) {
		case "action":
			p.named(s, Action)
		case "actor":
			p.actor(s, true)
		case "attempt":
			s.term(Attempt, p.text())
		case "bulk", "failure", "reason":
			p.texts(s)
		case "changes":
			p.changes(s)
		case "channel":
			p.named(s, Channel)
		case "covers":
			p.covers(s)
		case "id":
			s.term(ID, p.text())
		case "kind":
			s.term(Kind, p.text())
		case "metadata":
			p.metadata(s)
		case "operation":
			s.term(Operation, p.text())
		case "outcome":
			s.term(Outcome, p.text())
		case "target":
			p.target(s)
		case "tenant":
			p.named(s, Tenant)
		case "time":
			at, timed = parseTime(p.text())
		case "trace_id":
			s.term(Trace, p.text())
		default:
			p.skip()
		}
	}
	return at, timed && !p.failed && p.at == len(json)
}

// parser reads JSON in which there is no space between tokens.
type parser struct {
	json      []byte
	canonical bool
	at        int
	failed    bool
}

func (p *parser) actor(s sink, first bool) {
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch string(p.name()) {
		case "id":
			if first {
				p.named(s, ActorID)
			} else {
				p.named(s, OnBehalfOf)
			}
		case "name":
			p.texts(s)
		case "on_behalf_of":
			if first {
				s.term(Delegated, []byte("true"))
			}
			p.actor(s, false)
		case "session_id":
			s.term(Session, p.text())
		case "type":
			if text := p.text(); first {
				s.term(ActorType, text)
			}
		default:
			p.skip()
		}
	}
}

func (p *parser) target(s sink) {
	for more := p.open('{', '}'); more; more = p.next('}') {
		switch string(p.name()) {
		case "id":
			p.named(s, TargetID)
		case "name":
			p.texts(s)
		case "type":
			p.named(s, TargetType)
		default:
			p.skip()
		}
	}
}

// covers passes the IDs of covered targets. Their types would be counted as facets.
func (p *parser) covers(s sink) {
	for more := p.open('[', ']'); more; more = p.next(']') {
		for more := p.open('{', '}'); more; more = p.next('}') {
			if string(p.name()) == "id" {
				p.named(s, TargetID)
			} else {
				p.texts(s)
			}
		}
	}
}

func (p *parser) changes(s sink) {
	for more := p.open('[', ']'); more; more = p.next(']') {
		for more := p.open('{', '}'); more; more = p.next('}') {
			if string(p.name()) == "field" {
				p.named(s, Changed)
			} else {
				p.texts(s)
			}
		}
	}
}

func (p *parser) metadata(s sink) {
	for more := p.open('{', '}'); more; more = p.next('}') {
		name := p.name()
		start := p.at
		p.texts(s)
		value := p.json[start:p.at]
		if !p.canonical && (len(value) == 0 || value[0] == '{' || value[0] == '[' || bytes.IndexByte(value, '\\') >= 0) {
			p.failed = true
		}
		s.term(MetadataKey, name)
		s.pair(Metadata, name, value)
	}
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

// named passes a string that is both a term and searched for words.
func (p *parser) named(s sink, f Field) {
	start := p.at
	s.term(f, p.text())
	if !p.failed {
		s.text(p.json[start:p.at])
	}
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

// skip passes a value.
func (p *parser) skip() { p.value(nil) }

// texts passes a value. The texts in it are searched for words, except the keys of maps, which
// s receives nevertheless.
func (p *parser) texts(s sink) { p.value(s) }

// value passes a value. Unless s is nil, it receives the texts.
func (p *parser) value(s sink) {
	depth := 0
	for p.at < len(p.json) {
		switch c := p.json[p.at]; c {
		case '"':
			start := p.at
			if p.string(); s != nil && !p.failed {
				s.text(p.json[start:p.at])
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

// parseTime returns the Unix nanoseconds of a time as records have it.
func parseTime(text []byte) (int64, bool) {
	const layout = "2006-01-02T15:04:05.000000000Z"
	if len(text) != len(layout) || text[29] != 'Z' {
		return 0, false
	}
	n, ok := 0, true
	digits := func(from, to int) int {
		n = 0
		for _, c := range text[from:to] {
			ok = ok && '0' <= c && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := digits(0, 4), digits(5, 7), digits(8, 10)
	seconds := digits(11, 13)*3600 + digits(14, 16)*60 + digits(17, 19)
	nanos := digits(20, 29)
	if !ok || year < 1970 || month < 1 || month > 12 {
		return 0, false
	}
	if year > 2261 {
		return math.MaxInt64, true
	}
	return (daysSince1970(year, month, day)*86400+int64(seconds))*1e9 + int64(nanos), true
}

// daysSince1970 returns the number of days from 1 January 1970 to a date.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 { // the year begins in March, so that it ends with the leap day
		year--
		month += 12
	}
	return int64(365*year+year/4-year/100+year/400+(153*(month-3)+2)/5+day-1) - 719468
}

// Nanoseconds returns a time as indexes have it: Unix nanoseconds, at most those of the year
// 2262, which is as far as they go.
func Nanoseconds(t time.Time) int64 {
	switch {
	case t.Year() > 2261:
		return math.MaxInt64
	case t.Year() < 1700:
		return math.MinInt64
	}
	return t.UnixNano()
}
