package canonical

import (
	"strconv"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
)

// Path returns the path of the member at the offset, e.g. "changes[1].field". It reads
// the text up to there again, so that nothing keeps track of paths before a failure.
func Path(text string, offset int) string {
	r := Reader{text: text}
	path := ""
	for {
		step, ok := "", false
		switch r.Peek() {
		case '{':
			step, ok = r.memberAt(offset)
		case '[':
			step, ok = r.elementAt(offset)
		}
		if !ok {
			return strings.TrimPrefix(path, ".")
		}
		path += step
	}
}

// memberAt reads an object up to the value of the member at the offset.
func (r *Reader) memberAt(offset int) (step string, ok bool) {
	for more := r.Open('{', '}'); more; more = r.Next('}') {
		if r.skipSpace(r.pos) > offset {
			break
		}
		key := r.key()
		if !r.skipBefore(offset) {
			return sanitize.FieldPath("", key), !r.Failed()
		}
	}
	return "", false
}

// elementAt reads an array up to the element at the offset.
func (r *Reader) elementAt(offset int) (step string, ok bool) {
	index := 0
	for more := r.Open('[', ']'); more; more = r.Next(']') {
		if r.skipSpace(r.pos) > offset {
			break
		}
		if !r.skipBefore(offset) {
			return "[" + strconv.Itoa(index) + "]", true
		}
		index++
	}
	return "", false
}

// skipBefore skips the next value if it ends before the offset, and reports whether it
// does.
func (r *Reader) skipBefore(offset int) bool {
	end := endOfValue(r.text[:min(offset+1, len(r.text))], r.pos)
	if end > offset {
		return false
	}
	r.pos = end
	return true
}
