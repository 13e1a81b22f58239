package record

import (
	"strconv"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
)

// jsonPath returns the path of the member at the offset, e.g. "changes[1].field".
// What is in front of it was read before, and is read again: so nobody has to keep
// paths while all is well.
func jsonPath(text string, offset int) string {
	p := jsonReader{text: text}
	path := ""
	for {
		step, found := "", false
		switch p.peek() {
		case '{':
			step, found = p.memberAt(offset)
		case '[':
			step, found = p.elementAt(offset)
		}
		if !found {
			return strings.TrimPrefix(path, ".")
		}
		path += step
	}
}

// memberAt reads from an object as far as the value of the member at the offset.
func (p *jsonReader) memberAt(offset int) (step string, found bool) {
	for more := p.open('{', '}'); more; more = p.next('}') {
		if p.skipSpace(p.pos) > offset {
			break
		}
		key := p.key()
		if !p.skip(offset) {
			return sanitize.FieldPath("", key), p.reason == ""
		}
	}
	return "", false
}

// elementAt reads from an array as far as the element at the offset.
func (p *jsonReader) elementAt(offset int) (step string, found bool) {
	index := 0
	for more := p.open('[', ']'); more; more = p.next(']') {
		if p.skipSpace(p.pos) > offset {
			break
		}
		if !p.skip(offset) {
			return "[" + strconv.Itoa(index) + "]", true
		}
		index++
	}
	return "", false
}

// skip skips the value ahead, unless it goes on behind the offset.
func (p *jsonReader) skip(offset int) bool {
	end := endOfValue(p.text[:min(offset+1, len(p.text))], p.pos)
	if end > offset {
		return false
	}
	p.pos = end
	return true
}
