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

// findCards appends the spans of card numbers, and of what follows them on a magnetic
// stripe or in a list: the expiry date and the security code.
func findCards(text string, spans []span) []span {
	for i := 0; i < len(text); {
		if !digits.has(text[i]) {
			i++
			continue
		}
		if end := cardEnd(text, i); end > 0 && !isHexNumber(text, i) {
			if end := uuidEnd(text, i); end > 0 {
				i = end
				continue
			}
			end = afterCard(text, end)
			spans = append(spans, span{i, end})
			i = end
			continue
		}
		i = digits.run(text, i)
	}
	return spans
}

// uuidEnd returns the end of the UUID that has the group of digits at i, or 0.
func uuidEnd(text string, i int) (end int) {
	for _, offset := range [...]int{0, 9, 14, 19} {
		if start := i - offset; start >= 0 && start+uuidLength <= len(text) && isUUID(text[start:start+uuidLength]) {
			return start + uuidLength
		}
	}
	return 0
}

// isHexNumber reports whether 0x precedes the digits at i.
func isHexNumber(text string, i int) bool {
	return i >= 2 && text[i-2] == '0' && text[i-1]|0x20 == 'x'
}

// cardEnd returns the end of the card number that begins at start, or 0: it begins like
// the numbers of a network, and its check digit is right. Its digits may be in groups.
func cardEnd(text string, start int) (end int) {
	var number [maxCardDigits]byte
	var groups [maxCardDigits]int
	n, count, sign := 0, 0, byte(0)
	for i := start; ; {
		stop := digits.run(text[:min(len(text), i+maxCardDigits+1)], i)
		if n+stop-i > len(number) {
			return end
		}
		for ; i < stop; i++ {
			number[n] = text[i] - '0'
			n++
		}
		groups[count] = n
		count++
		if n >= minCardDigits && !at(text, stop, alnum) && areGroups(groups[:count], sign) && isCard(number[:n]) {
			end = stop
		}
		next := stop
		for next < len(text) && next-stop < maxCardGap && isCardSeparator(text[next]) && (next == stop || blank.has(text[next])) {
			next++
		}
		if next == stop || !at(text, next, digits) || count > 1 && text[stop] != sign {
			return end
		}
		sign, i = text[stop], next
	}
}

// maxCardGap is how many blanks may separate groups of digits.
const maxCardGap = 3

func isCardSeparator(c byte) bool { return blank.has(c) || strings.IndexByte("-/._|", c) >= 0 }

// areGroups reports whether digits are grouped as on a card: groups of four, 4-6-5 or
// 4-6-4. With blanks and hyphens, any groups of at least four digits are. ends has the
// number of digits up to the end of each group.
func areGroups(ends []int, sign byte) bool {
	total := ends[len(ends)-1]
	if len(ends) == 3 && ends[0] == 4 && ends[1] == 10 && (total == 14 || total == 15) {
		return true
	}
	start, fours := 0, true
	for i, end := range ends {
		n := end - start
		start = end
		fours = fours && (n == 4 || i == len(ends)-1 && n < 4)
		if n < 4 && (i < len(ends)-1 || !fours) {
			return false
		}
	}
	return len(ends) == 1 || fours && len(ends) >= 4 || sign == ' ' || sign == '-'
}

// afterCard returns the end of what follows a card number that ends at i: |12/28|123, or
// the rest of a track.
func afterCard(text string, i int) (end int) {
	if at(text, i, equals) || i < len(text) && (text[i] == '^' || text[i] == 'D') {
		limit := min(len(text), i+120)
		if n := strings.IndexByte(text[i:limit], '?'); n >= 0 {
			return i + n + 1
		}
		if stop := digits.run(text, i+1); stop-i > 7 {
			return stop
		}
		return i
	}
	date := separators(text, i)
	month := digits.run(text, date)
	if date == i || month-date != 2 || !at(text, month, slash|hyphen) {
		return i
	}
	year := digits.run(text, month+1)
	if n := year - month - 1; n != 2 && n != 4 {
		return i
	}
	code := separators(text, year)
	if stop := digits.run(text, code); code > year && (stop-code == 3 || stop-code == 4) {
		return stop
	}
	return year
}

// separators returns the end of the signs and blanks between fields at i.
func separators(text string, i int) int {
	for n := 0; n < 4 && i < len(text) && (blank.has(text[i]) || strings.IndexByte("|;,:/", text[i]) >= 0); n++ {
		i++
	}
	return i
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
