package redact

import (
	"slices"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
)

// minSecretText is the length of the shortest text that is searched: pin=1234.
const minSecretText = 8

// The detectors, as bits.
const (
	seekPairs   = 1 << iota // values after a sign, URLs
	seekWords               // values after a word
	seekTokens              // tokens, keys
	seekNumbers             // card numbers, account numbers
	seekHashes              // hashes of passwords
	seekViews               // all of them, in a text that is not plain ASCII or has escapes
	seekAll     = 1<<iota - 1
)

// byteCounts has, for each byte, what it adds to the counts of a survey, which have 9 bits
// each: of digits, of signs between keys and values, of blanks, of dollars, of bytes that are
// not plain, of line feeds and tabs, and of opening brackets.
var byteCounts = func() (counts [256]uint64) {
	for i := range counts {
		switch c := byte(i); {
		case digits.has(c):
			counts[i] = 1
		case c == ':' || c == '=' || c == '>' || c == '"' || c == '\'' || c == '|':
			counts[i] = 1 << signCount
		case c == ' ':
			counts[i] = 1 << blankCount
		case space.has(c):
			counts[i] = 1<<blankCount | 1<<breakCount
		case c == '(' || c == '[':
			counts[i] = 1 << bracketCount
		case c == '$':
			counts[i] = 1 << dollarCount
		case high.has(c) || c == '%' || c == '\\' || c == '&':
			counts[i] = 1 << oddCount
		}
	}
	return counts
}()

// The lowest bits of the counts after the first.
const (
	signCount = 9 * (iota + 1)
	blankCount
	dollarCount
	oddCount
	breakCount
	bracketCount
	countMask = 1<<9 - 1
)

// minNumber is how many digits the shortest number has that is looked for: that of a social
// security card.
const minNumber = 9

// survey returns the detectors that may find something. Their time is linear in the length
// of the text, and they allocate only for what they find.
func survey(text string, numbers bool) (seek uint8) {
	if len(text) < minSecretText {
		return 0
	}
	return surveyLong(text, numbers)
}

// isQuiet reports whether a text of 8 to 16 bytes has only bytes that separate no key from
// a value: no sign, quote or blank, only ASCII.
func isQuiet(text string) bool {
	return (loud(sanitize.Load8(text))|loud(sanitize.Load8(text[len(text)-8:])))&highBits == 0
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// loud sets the high bit of each of eight bytes that is not ASCII, less than a hyphen, or
// between the digits and B. It may also set that of a byte after such a one.
func loud(x uint64) uint64 {
	signs := (x+lowBits*6)&(lowBits*0xF8) ^ lowBits*0x40 // zero for : to A
	return x | (x-lowBits*'-')&^x | (signs-lowBits)&^signs
}

// surveyLong is survey for texts that are not too short. It reads each byte once.
func surveyLong(text string, numbers bool) (seek uint8) {
	switch {
	case len(text) < minCardDigits && isQuiet(text), len(text) == uuidLength && isUUID(text):
		return 0
	case len(text) > countMask && numbers: // the counts could overflow
		return seekAll
	case len(text) > countMask:
		return seekAll &^ seekNumbers
	}
	var counts uint64
	for i := range len(text) {
		counts += byteCounts[text[i]]
	}
	if counts>>signCount&countMask != 0 && hasPair(text) {
		seek |= seekPairs
	}
	if counts>>blankCount&countMask != 0 && (seek != 0 || counts>>breakCount&countMask != 0 || hasTrigger(text)) ||
		counts>>bracketCount&countMask != 0 && hasCall(text) {
		seek |= seekWords
	}
	if numbers && counts&countMask >= minNumber {
		seek |= seekNumbers
	}
	if len(text) >= minTokenText {
		seek |= seekTokens
		if counts>>dollarCount&countMask > 1 {
			seek |= seekHashes
		}
	}
	if counts>>oddCount&countMask != 0 {
		seek |= seekViews
		if numbers {
			seek |= seekNumbers
		}
	}
	return seek
}

// span is a part of a text, from start to before end.
type span struct{ start, end int }

// findSecrets returns the spans of secrets in the text, in order. They may overlap.
func (d *Redactor) findSecrets(text string, seek uint8) (spans []span) {
	if seek&seekViews == 0 {
		spans = d.findIn(text, seek)
	} else {
		seek |= seekPairs | seekWords | seekTokens | seekHashes
		folded := fold(text)
		spans = d.findInView(folded, seek, nil)
		if decoded, ok := folded.decode(); ok {
			spans = d.findInView(decoded, seek, spans)
		}
	}
	if len(spans) > 1 {
		slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	}
	return spans
}

// findInView appends the spans of the original in which a view of it has secrets.
func (d *Redactor) findInView(v view, seek uint8, spans []span) []span {
	for _, s := range d.findIn(v.text, seek) {
		spans = append(spans, v.original(s))
	}
	return spans
}

// findIn returns the spans of secrets in the text.
func (d *Redactor) findIn(text string, seek uint8) (spans []span) {
	if seek&seekTokens != 0 {
		spans = findTokens(text, spans)
		if len(text) >= awsSecretLength {
			spans = findSecretKeys(text, spans)
			spans = findBlocks(text, spans)
		}
	}
	if seek&seekHashes != 0 {
		spans = findHashes(text, spans)
	}
	if seek&seekWords != 0 {
		spans = d.findProse(text, spans)
		if strings.IndexByte(text, '\n') >= 0 {
			spans = d.findColumns(text, spans)
		}
	}
	if seek&seekPairs != 0 {
		spans = findURLs(text, spans)
		spans = findPuTTY(text, spans)
		spans = d.findPairs(text, spans)
	}
	if seek&seekNumbers != 0 {
		spans = findCards(text, spans)
		spans = findAccounts(text, spans)
		spans = findSocialSecurity(text, spans)
	}
	return spans
}

const uuidLength = 36

// isUUID reports whether the text is a UUID (RFC 9562, section 4) in its text form.
func isUUID(text string) bool {
	if len(text) != uuidLength || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	n := uint(0)
	for i := range len(text) {
		n += uint(isHexDigit[text[i]])
	}
	return n == 32
}

// isHexDigit is 1 for the bytes that are hexadecimal digits.
var isHexDigit = func() (is [256]uint8) {
	for i := range is {
		if hexDigits.has(byte(i)) {
			is[i] = 1
		}
	}
	return is
}()

// replaceSecrets replaces the spans, which are in order.
func (d *Redactor) replaceSecrets(text string, spans []span) string {
	var b strings.Builder
	at := 0
	for i := 0; i < len(spans); {
		s := spans[i]
		for i++; i < len(spans) && spans[i].start <= s.end; i++ { // they overlap
			s.end = max(s.end, spans[i].end)
		}
		b.WriteString(text[at:s.start])
		b.WriteString(d.config.strategy.text(text[s.start:s.end]))
		at = s.end
	}
	b.WriteString(text[at:])
	return b.String()
}
