package redact

import (
	"slices"
	"strings"
)

// The lengths of card numbers (ISO/IEC 7812-1).
const (
	minCardDigits = 13
	maxCardDigits = 19
)

// findCards finds card numbers.
func findCards(text string, spans []span) []span {
	for i := 0; i < len(text); {
		switch {
		case !isDigit(text[i]):
			i++
		case i > 0 && isToken[text[i-1]]: // it is the rest of a word
			for i < len(text) && isToken[text[i]] {
				i++
			}
		default:
			end, is := cardAt(text, i)
			if is {
				spans = append(spans, span{i, end})
			}
			i = end
		}
	}
	return spans
}

// cardAt returns where the run of digits ends that begins at start, with single
// blanks or hyphens between them, and whether it is a card number: it begins as the
// networks' do and has the right check digit.
func cardAt(text string, start int) (end int, is bool) {
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
	behind := end == len(text) || !isToken[text[end]] || text[end] == '.'
	is = n >= minCardDigits && n <= maxCardDigits && behind && isCard(digits[:n]) &&
		(!separated || inGroups(text[start:end]))
	return end, is
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inGroups reports whether the digits are grouped as on a card: by four, or 4-6-5.
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

// cardRange is a range of prefixes that a network's numbers begin with, and how
// long these are.
type cardRange struct {
	from, to int // of so many digits
	least    int
	most     int
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

// isCard reports whether the digits begin as a network's numbers of that length do,
// and fulfil the Luhn check (ISO/IEC 7812-1, annex B).
func isCard(digits []byte) bool {
	return slices.ContainsFunc(cardRanges, func(r cardRange) bool { return r.has(digits) }) && luhn(digits)
}

func (r cardRange) has(digits []byte) bool {
	if len(digits) < r.least || len(digits) > r.most {
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
