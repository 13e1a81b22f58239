package redact

import "strings"

// findAccounts appends the spans of IBANs (ISO 13616): two letters, two check digits, and a
// number whose length depends on the country, in one or in groups of four.
func findAccounts(text string, spans []span) []span {
	for i := 0; i+15 <= len(text); i++ {
		if !alpha.has(text[i]) || !alpha.has(text[i+1]) || !digits.has(text[i+2]) || !digits.has(text[i+3]) || at(text, i-1, alnum) {
			continue
		}
		length := ibanLengths[strings.ToUpper(text[i:i+2])]
		if length == 0 {
			continue
		}
		var number [maxIBAN]byte
		n, end := 0, i
		for end < len(text) && n < length {
			c := text[end]
			if (c == ' ' || c == '-') && n%4 == 0 && n > 0 && at(text, end+1, alnum) {
				end++
				continue
			}
			if !alnum.has(c) {
				break
			}
			if lower.has(c) {
				c -= 0x20
			}
			number[n] = c
			n++
			end++
		}
		if n == length && !at(text, end, alnum) && mod97(number[:n]) {
			spans = append(spans, span{i, end})
			i = end
		}
	}
	return spans
}

// maxIBAN is the length of the longest IBAN.
const maxIBAN = 34

var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18,
	"FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24,
	"ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
	"PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23,
	"ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// mod97 reports whether the check digits of an IBAN are right.
func mod97(iban []byte) bool {
	sum := 0
	for i := range iban {
		c := iban[(i+4)%len(iban)]
		if digits.has(c) {
			sum = (sum*10 + int(c-'0')) % 97
		} else {
			sum = (sum*100 + int(c-'A') + 10) % 97
		}
	}
	return sum == 1
}

// maxBefore is how far before a number with blanks its name may be.
const maxBefore = 30

// findSocialSecurity appends the spans of social security numbers of the United States:
// 078-05-1120, in the ranges that are issued.
func findSocialSecurity(text string, spans []span) []span {
	const length = len("078-05-1120")
	for i := 0; i+length <= len(text); i++ {
		if !digits.has(text[i]) {
			continue
		}
		n := digits.run(text, i)
		if n-i != 3 || at(text, i-1, word|dot|slash) {
			i = n
			continue
		}
		sign := text[n]
		area, group, serial := text[i:n], n+1, n+4
		if (sign == '-' || sign == ' ') && serial+4 <= len(text) && digits.run(text, group) == group+2 && text[group+2] == sign &&
			digits.run(text, serial) == serial+4 && !at(text, serial+4, word) &&
			area != "000" && area != "666" && area[0] != '9' && text[group:group+2] != "00" && text[serial:serial+4] != "0000" {
			if sign == '-' || containsFold(text[max(0, i-maxBefore):i], "ssn") || containsFold(text[max(0, i-maxBefore):i], "social") {
				spans = append(spans, span{i, serial + 4})
			}
			i = serial + 4
			continue
		}
		i = n
	}
	return spans
}
