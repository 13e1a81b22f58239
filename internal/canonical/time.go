package canonical

import "time"

// timeLayout is RFC 3339 in UTC, always with nine digits, so that times sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// ValidTime reports whether t lies in the years 1970 to 9999.
func ValidTime(t time.Time) bool {
	const year10000 = 253402300800
	s := t.Unix()
	return 0 <= s && s < year10000
}

// appendTime is t.UTC().AppendFormat(b, timeLayout) without its cost, because every
// record has two times.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	nano := t.Nanosecond()
	text := [len(timeLayout)]byte([]byte(timeLayout))
	putPair(text[0:2], year/100)
	putPair(text[2:4], year%100)
	putPair(text[5:7], int(month))
	putPair(text[8:10], day)
	putPair(text[11:13], hour)
	putPair(text[14:16], minute)
	putPair(text[17:19], second)
	text[20] = '0' + byte(nano/1e8)
	putPair(text[21:23], nano/1e6%100)
	putPair(text[23:25], nano/1e4%100)
	putPair(text[25:27], nano/1e2%100)
	putPair(text[27:29], nano%100)
	return append(b, text[:]...)
}

// putPair writes n, from 0 to 99, as two digits.
func putPair(dst []byte, n int) {
	const pairs = "00010203040506070809" +
		"10111213141516171819" +
		"20212223242526272829" +
		"30313233343536373839" +
		"40414243444546474849" +
		"50515253545556575859" +
		"60616263646566676869" +
		"70717273747576777879" +
		"80818283848586878889" +
		"90919293949596979899"
	dst[0], dst[1] = pairs[2*n], pairs[2*n+1]
}

// parseTime parses what appendTime appends, and nothing else.
func parseTime(s string) (t time.Time, ok bool) {
	if len(s) != len(timeLayout) {
		return time.Time{}, false
	}
	for i := range len(timeLayout) {
		switch c := timeLayout[i]; {
		case '0' <= c && c <= '9':
			if s[i] < '0' || s[i] > '9' {
				return time.Time{}, false
			}
		case s[i] != c:
			return time.Time{}, false
		}
	}
	year, month, day := parseDigits(s[0:4]), parseDigits(s[5:7]), parseDigits(s[8:10])
	hour, minute, second := parseDigits(s[11:13]), parseDigits(s[14:16]), parseDigits(s[17:19])
	if hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, parseDigits(s[20:29]), time.UTC)
	// time.Date carries a day that the month does not have into the next month.
	sameMonth := int(t.Month()) == month
	return t, sameMonth && ValidTime(t)
}

func parseDigits(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
