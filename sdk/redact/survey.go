package redact

import (
	"math/bits"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
)

// minSecretText is the length of the shortest text that is searched: pin=1234.
const minSecretText = 8

// The detectors, as bits.
const (
	seekPairs   = 1 << iota // values after a sign, URLs
	seekWords               // values after a word
	seekTokens              // tokens, keys without blanks
	seekBlocks              // keys in blocks
	seekNumbers             // card numbers, account numbers
	seekHashes              // hashes of passwords
	seekViews               // all of them, in a text that is not plain ASCII or has escapes
	seekAll     = 1<<iota - 1
)

// minNumber is how many digits the shortest number has that is looked for: that of a social
// security card.
const minNumber = 9

// survey returns the detectors that may find something. Their time is linear in the length
// of the text, and they allocate only for what they find.
func survey(text string, numbers bool) (seek uint8) {
	switch {
	case len(text) < minSecretText, len(text) <= maxQuiet && isQuiet(text), len(text) == uuidLength && isUUID(text):
		return 0
	}
	return surveyLong(text, numbers)
}

// maxQuiet is the length of the longest text that may be quiet.
const maxQuiet = 16

// isQuiet reports whether a text of 8 to 16 bytes has no byte with traits, and few digits.
func isQuiet(text string) bool {
	first, last := sanitize.Load8(text), sanitize.Load8(text[len(text)-8:])
	if (loud(first)|loud(last))&highBits != 0 {
		return false
	}
	last >>= 8 * (maxQuiet - len(text)) // without what is in first
	return (digitLanes(first)+digitLanes(last))*lowBits>>56 < minNumber
}

// What a byte says of its text, as bits.
const (
	signTrait    = 1 << iota // a sign that may follow a key, whatever precedes it
	colonTrait               // a sign that may follow a key
	bracketTrait             // it may follow the name of a function
	blankTrait               // a space
	breakTrait               // other white space, or a space after a word that a secret may follow
	oddTrait                 // it is not plain ASCII, or begins an escape
	dollarTrait
	tokenTrait // it may be in a token
)

// traits has the traits of each byte.
var traits = func() (of [256]uint8) {
	for i := range of {
		switch c := byte(i); {
		case strings.IndexByte(">\"'|", c) >= 0:
			of[i] = signTrait
		case c == ':' || c == '=':
			of[i] = colonTrait
		case c == '(' || c == '[':
			of[i] = bracketTrait
		case c == ' ':
			of[i] = blankTrait
		case space.has(c):
			of[i] = breakTrait
		case high.has(c) || c == '%' || c == '\\' || c == '&':
			of[i] = oddTrait
		case c == '$':
			of[i] = dollarTrait
		case tokenRun.has(c):
			of[i] = tokenTrait
		}
	}
	return of
}()

// surveyLong is survey for a text of at least eight bytes. It reads them eight at a time,
// and looks again only at those with traits, and at the words before spaces.
func surveyLong(text string, numbers bool) (seek uint8) {
	var all uint8          // traits
	var digitSums uint64   // eight of them
	start, longest := 0, 0 // of runs of bytes that may be in a token
	for i := 0; i < len(text); i += 8 {
		from := min(i, len(text)-8)
		known := 8 * (i - from) & 63 // bits of the bytes before i
		x := sanitize.Load8(text[from:]) >> known
		digitSums += digitLanes(x)
		for rest := loud(x) & (highBits >> known); rest != 0; rest &= rest - 1 {
			at := i + bits.TrailingZeros64(rest)/8
			t := traits[text[at]]
			if t == tokenTrait {
				continue
			}
			longest, start = max(longest, at-start), at+1
			if t&(signTrait|colonTrait|bracketTrait|blankTrait) != 0 {
				t = traitsAfter(text, at, t)
			}
			all |= t
		}
	}
	if all&blankTrait != 0 && mayTriggerAt(text, len(text)) { // x is the password
		all |= breakTrait
	}
	if numbers && (digitSums*lowBits>>56 >= minNumber || len(text) > maxSum || all&oddTrait != 0) {
		seek |= seekNumbers
	}
	if max(longest, len(text)-start) >= minTokenText {
		seek |= seekTokens
	}
	return seek | seekFor(all, len(text))
}

// traitsAfter returns the traits of the byte at i, which depend on what is around it.
func traitsAfter(text string, i int, t uint8) uint8 {
	switch {
	case t == blankTrait && mayTriggerAt(text, i):
		return blankTrait | breakTrait
	case t == signTrait && (at(text, i+1, hyphen) || text[i] != '>' && mayTriggerAt(text, i)): // in a list of arguments
		return signTrait | breakTrait
	case t == blankTrait, t == signTrait,
		i > 0 && t == colonTrait && endsKey[text[i-1]],
		i > 0 && t == bracketTrait && (word | high).has(text[i-1]):
		return t
	}
	return 0
}

// seekFor returns the detectors for the traits of a text of n bytes.
func seekFor(traits uint8, n int) (seek uint8) {
	if traits&(signTrait|colonTrait) != 0 {
		seek |= seekPairs
	}
	if traits&(breakTrait|bracketTrait) != 0 || traits&blankTrait != 0 && seek != 0 {
		seek |= seekWords
	}
	if traits&blankTrait != 0 && n >= minBlock {
		seek |= seekBlocks
	}
	if traits&dollarTrait != 0 && n >= minTokenText {
		seek |= seekHashes
	}
	if traits&oddTrait != 0 {
		seek |= seekViews
	}
	return seek
}

// maxSum is the length of the longest text whose digits are counted.
const maxSum = 255

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// loud sets the high bit of each of eight bytes that may have a trait: that is not ASCII, is
// less than a hyphen, is between the digits and the capitals, or is one of [ \ { |. It may
// also set that of a byte after such a one.
func loud(x uint64) uint64 {
	y := x | lowBits*0x20
	signs := (y + lowBits*(0x80-':')) &^ (y << 1)                // not the letters, whose bit 6 is set
	bars := (y + lowBits*(0x80-'{')) &^ (y + lowBits*(0x80-'}')) // { and |
	return x | (x - lowBits*'-') | signs | bars
}

// digitLanes returns eight bytes with a one for each that is a digit, and a zero for all
// other ASCII from the space on.
func digitLanes(x uint64) uint64 {
	return (x & (x + lowBits*6)) >> 4 &^ (x >> 6) & lowBits // bit 4 of a sign after 9 changes
}

const uuidLength = 36

// isUUID reports whether the text is a UUID (RFC 9562, section 4) in its text form.
func isUUID(text string) bool {
	if len(text) != uuidLength || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	hex := hexLanes(sanitize.Load8(text)) & hexLanes(sanitize.Load4(text[9:])|sanitize.Load4(text[14:])<<32) &
		hexLanes(sanitize.Load4(text[19:])|sanitize.Load4(text[24:])<<32) & hexLanes(sanitize.Load8(text[28:]))
	return hex == highBits
}

// hexLanes sets the high bit of each of eight bytes that is a hexadecimal digit. After one
// that is not ASCII it may be wrong.
func hexLanes(x uint64) uint64 {
	y := x | lowBits*0x20
	digit := (x + lowBits*(0x80-'0')) &^ (x + lowBits*(0x80-'9'-1))
	letter := (y + lowBits*(0x80-'a')) &^ (y + lowBits*(0x80-'f'-1))
	return (digit | letter) &^ x & highBits
}
