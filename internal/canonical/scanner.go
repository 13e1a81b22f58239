package canonical

import (
	"math/bits"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/uuid"
	"go.opentelemetry.io/otel/attribute"
)

// Scanner passes over what a [Writer] wrote without decoding it. Its methods mirror those
// of the Writer, and fail for everything that a Writer writes in another way. They also fail for
// some rare values, such as those with markers, which a [Reader] must decode.
//
// The Scanner keeps a failure and then skips the rest of the text. What it returns after a
// failure is meaningless.
type Scanner struct {
	text   string
	pos    int
	failed bool
}

// NewScanner returns a Scanner of text.
func NewScanner(text string) Scanner { return Scanner{text: text} }

// Failed reports whether something failed.
func (s *Scanner) Failed() bool { return s.failed }

// AtEnd reports whether all of the text was passed.
func (s *Scanner) AtEnd() bool { return s.pos == len(s.text) }

// Pos returns the offset of the text that was not passed yet.
func (s *Scanner) Pos() int { return s.pos }

// Since returns the text from an offset that was passed.
func (s *Scanner) Since(from int) string { return s.text[from:s.pos] }

// Fail makes the Scanner fail.
func (s *Scanner) Fail() { s.failed, s.pos = true, len(s.text) }

// Has passes a literal if it is next, and reports whether it was.
func (s *Scanner) Has(literal string) bool {
	if strings.HasPrefix(s.text[s.pos:], literal) {
		s.pos += len(literal)
		return true
	}
	return false
}

// Need passes a literal.
func (s *Scanner) Need(literal string) {
	if !s.Has(literal) {
		s.Fail()
	}
}

// next passes a comma, or else the closing bracket, and reports whether it was a comma.
func (s *Scanner) next(closing byte) bool {
	if s.pos == len(s.text) {
		s.Fail()
		return false
	}
	c := s.text[s.pos]
	s.pos++
	if c == ',' {
		return true
	}
	if c != closing {
		s.Fail()
	}
	return false
}

// Text passes a string that is not empty, and returns it as it is in the JSON, without the
// quotes.
func (s *Scanner) Text() string {
	text := s.AnyText()
	if text == "" {
		s.Fail()
	}
	return text
}

// AnyText is Text, but accepts an empty string.
func (s *Scanner) AnyText() string {
	if s.pos == len(s.text) || s.text[s.pos] != '"' {
		s.Fail()
		return ""
	}
	start := s.pos + 1
	at := start
	for ; len(s.text)-at >= 8; at += 8 {
		if ends := unplain(sanitize.Load8(s.text[at:])); ends != 0 {
			at += bits.TrailingZeros64(ends) / 8
			break
		}
	}
	for at < len(s.text) && isPlain[s.text[at]] {
		at++
	}
	if at < len(s.text) && s.text[at] == '"' {
		s.pos = at + 1
		return s.text[start:at]
	}
	return s.escapedString(start, at)
}

// escapedString passes a string with escapes or characters beyond ASCII, the first of which is
// at an offset.
func (s *Scanner) escapedString(start, at int) string {
	for at < len(s.text) {
		switch c := s.text[at]; {
		case c == '"':
			s.pos = at + 1
			return s.text[start:at]
		case c == '\\':
			n := canonicalEscape(s.text[at:])
			if n == 0 {
				s.Fail()
				return ""
			}
			at += n
		case c < ' ':
			s.Fail()
			return ""
		default:
			char, n := utf8.DecodeRuneInString(s.text[at:])
			if char == utf8.RuneError && n == 1 {
				s.Fail()
				return ""
			}
			at += n
		}
		at += plainPrefix(s.text[at:])
	}
	s.Fail()
	return ""
}

// canonicalEscape returns the length of the escape at the start of s, or 0 if a Writer
// would not write it.
func canonicalEscape(s string) int {
	if len(s) < 2 {
		return 0
	}
	if strings.IndexByte(`"\bfnrt`, s[1]) >= 0 {
		return 2
	}
	char, n := unescape(s)
	var room [6]byte
	if n != len(room) || char >= ' ' || string(appendEscaped(room[:0], string(char))) != s[:n] {
		return 0
	}
	return n
}

// Texts passes an array of strings that is not empty.
func (s *Scanner) Texts() {
	s.Need("[")
	for more := true; more && !s.failed; more = s.next(']') {
		s.AnyText()
	}
}

// Action passes an action.
func (s *Scanner) Action() string {
	action := s.AnyText()
	if !names.ValidAction(action) {
		s.Fail()
	}
	return action
}

// ID passes an ID that is not zero.
func (s *Scanner) ID() (id audit.ID) {
	var text [uuid.TextSize]byte
	if t := s.AnyText(); len(t) == copy(text[:], t) {
		if read, ok := uuid.Decode(text[:]); ok && read != [16]byte{} {
			return read
		}
	}
	s.Fail()
	return id
}

// Hex passes n lower-case hexadecimal digits, not all zero, between quotes.
func (s *Scanner) Hex(n int) string {
	text := s.AnyText()
	valid, zero := true, true
	for i := range len(text) {
		valid = valid && isHex[text[i]]
		zero = zero && text[i] == '0'
	}
	if !valid || zero || len(text) != n {
		s.Fail()
	}
	return text
}

var isHex = func() (in [256]bool) {
	for _, c := range []byte("0123456789abcdef") {
		in[c] = true
	}
	return in
}()

// Time passes a time.
func (s *Scanner) Time() time.Time {
	t, ok := parseTime(s.AnyText())
	if !ok {
		s.Fail()
	}
	return t
}

// ScanWord passes the word of a constant that is not less than first.
func ScanWord[T Enum](s *Scanner, first T) T {
	text := s.AnyText()
	for v := first; v.Valid(); v++ {
		if v.String() == text {
			return v
		}
	}
	s.Fail()
	return first
}

// Count passes an integer from 0 to MaxCount.
func (s *Scanner) Count() {
	if v := s.number(); v.Type() != attribute.INT64 || v.AsInt64() < 0 {
		s.Fail()
	}
}

// number passes a number and returns it.
func (s *Scanner) number() attribute.Value {
	r := Reader{text: s.text, pos: s.pos}
	v := r.number()
	if s.pos = r.pos; r.Failed() {
		s.Fail()
	}
	return v
}

// passNumber is number without its result, which most callers do not need.
func (s *Scanner) passNumber() {
	at := s.pos
	for at < len(s.text) && '0' <= s.text[at] && s.text[at] <= '9' {
		at++
	}
	n := at - s.pos
	if 0 < n && n <= 15 && (s.text[s.pos] != '0' || n == 1) && at < len(s.text) && (s.text[at] == ',' || s.text[at] == '}') {
		s.pos = at // a usual one
		return
	}
	s.number()
}

// Attributes passes an object of attributes that is not empty.
func (s *Scanner) Attributes() { s.object(0) }

// object passes an object of attributes that is not empty, inside depth arrays and maps.
func (s *Scanner) object(depth int) {
	s.Need("{")
	last := ""
	for more := true; more && !s.failed; more = s.next('}') {
		key := s.Text()
		if last != "" && !ascends(last, key) || strings.IndexByte(key, '\\') >= 0 {
			s.Fail()
		}
		last = key
		s.Need(":")
		s.value(depth)
	}
}

// ascends reports whether a name comes before another one.
func ascends(a, b string) bool {
	if a != "" && b != "" && a[0] < b[0] && b[0] < utf8.RuneSelf {
		return true // as most do
	}
	return compareMembers(a, b) < 0
}

// Value passes a value other than null.
func (s *Scanner) Value() { s.value(0) }

// value passes a value inside depth arrays and maps.
func (s *Scanner) value(depth int) {
	if s.pos == len(s.text) {
		s.Fail()
		return
	}
	switch s.text[s.pos] {
	case '"':
		s.AnyText()
	case 't':
		s.Need("true")
	case 'f':
		s.Need("false")
	case '[', '{':
		s.compound(depth)
	default:
		s.passNumber()
	}
}

func (s *Scanner) compound(depth int) {
	switch {
	case depth == MaxNesting, strings.HasPrefix(s.text[s.pos:], `{"$`): // a marker, or marked
		s.Fail()
	case s.Has("[]"), s.Has("{}"):
	case s.Has("["):
		for more := true; more && !s.failed; more = s.next(']') {
			s.value(depth + 1)
		}
	default:
		s.object(depth + 1)
	}
}

// Marks passes an array of marks that is not empty.
func (s *Scanner) Marks() {
	s.Need("[")
	for more := true; more && !s.failed; more = s.next(']') {
		s.Need("{")
		if s.Has(`"count":`) {
			s.filledCount()
		}
		if s.Has(`"length":`) {
			s.filledCount()
		}
		s.Need(`"mark":`)
		s.Action()
		if s.Has(`,"path":`) {
			s.Text()
		}
		if s.Has(`,"sha256":`) {
			s.Hex(64)
		}
		s.Need("}")
	}
}

// Tracker passes the name and the version of a tracker, at least one of them.
func (s *Scanner) Tracker() {
	s.Need("{")
	if s.Has(`"name":`) {
		s.Text()
		if s.Has(`,"version":`) {
			s.Text()
		}
	} else {
		s.Need(`"version":`)
		s.Text()
	}
	s.Need("}")
}

// filledCount passes a count that is not zero, and a comma.
func (s *Scanner) filledCount() {
	if strings.HasPrefix(s.text[s.pos:], "0") {
		s.Fail()
	}
	s.Count()
	s.Need(",")
}
