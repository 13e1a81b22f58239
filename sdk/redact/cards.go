package redact

import (
	"slices"
	"strings"
)

// The number of digits in card numbers (ISO/IEC 7812-1).
const (
	minCardDigits = 13
	maxCardDigits = 19
)

// findCards appends the spans of card numbers.
func findCards(text string, spans []span) []span {
	for i := 0; i < len(text); {
		switch {
		case !isDigit(text[i]):
			i++
		case i > 0 && isToken[text[i-1]]: // skip the rest of a word
			for i < len(text) && isToken[text[i]] {
				i++
			}
		default:
			end, ok := cardAt(text, i)
			if ok {
				spans = append(spans, span{i, end})
			}
			i = end
		}
	}
	return spans
}

// cardAt returns the end of the run of digits at start, which may contain single blanks
// or hyphens. It reports whether the run is a card number: it begins like the numbers of
// a network, and its check digit is right.
func cardAt(text string, start int) (end int, ok bool) {
	var digits [maxCardDigits]byte
	n, separated := 0, false
	for at := start; at < len(text); at++ {
		if c := text[at]; isDigit(c) {
			if n < len(digits) {
				digits[n] = c - '0'
			}
			n++
			end = at + 1
			continue
		} else if (c != ' ' && c != '-') || at+1 == len(text) || !isDigit(text[at+1]) {
			break
		}
		separated = true
	}
	complete := end == len(text) || !isToken[text[end]] || text[end] == '.'
	ok = n >= minCardDigits && n <= maxCardDigits && complete && isCard(digits[:n]) &&
		(!separated || inGroups(text[start:end]))
	return end, ok
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inGroups reports whether the digits are grouped as on a card: groups of four, 4-6-5 or
// 4-6-4.
func inGroups(text string) bool {
	groups := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '-' })
	if len(groups) == 3 {
		return len(groups[0]) == 4 && len(groups[1]) == 6 && (len(groups[2]) == 5 || len(groups[2]) == 4)
	}
	for i, g := range groups {
		if len(g) != 4 && (i < len(groups)-1 || len(g) > 4) {
			return false
		}
	}
	return len(groups) >= 4
}

// cardRange is a range of prefixes of a network's card numbers. All prefixes of a range
// have the same number of digits.
type cardRange struct {
	from, to  int // prefixes
	minDigits int // of the number
	maxDigits int
}

var cardRanges = []cardRange{
	{4, 4, 13, 13}, {4, 4, 16, 16}, {4, 4, 19, 19}, // Visa
	{51, 55, 16, 16}, {2221, 2720, 16, 16}, // Mastercard
	{34, 34, 15, 15}, {37, 37, 15, 15}, // American Express
	{36, 36, 14, 14}, {38, 39, 14, 14}, {300, 305, 14, 14}, // Diners Club
	{60, 60, 16, 19}, {64, 65, 16, 19}, // Discover, RuPay
	{62, 62, 16, 19}, {81, 81, 16, 19}, // UnionPay
	{3528, 3589, 16, 19},                                                   // JCB
	{50, 50, 16, 16}, {50, 50, 18, 19}, {56, 58, 16, 16}, {56, 58, 18, 19}, // Maestro
	{6304, 6304, 16, 19}, {6759, 6759, 16, 19}, {6761, 6763, 16, 19},
}

// isCard reports whether the digits begin like a network's numbers of that length, and
// pass the Luhn check (ISO/IEC 7812-1, annex B).
func isCard(digits []byte) bool {
	return slices.ContainsFunc(cardRanges, func(r cardRange) bool { return r.contains(digits) }) && luhn(digits)
}

func (r cardRange) contains(digits []byte) bool {
	if len(digits) < r.minDigits || len(digits) > r.maxDigits {
		return false
	}
	prefix := 0
	for i := 0; prefix < r.from && i < len(digits); i++ {
		prefix = prefix*10 + int(digits[i])
		if prefix == 0 {
			return false
		}
	}
	return r.from <= prefix && prefix <= r.to
}

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		v := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
