package index

import (
	"math"
	"time"
)

// parseTime returns the Unix nanoseconds of a time as records have it.
func parseTime(text []byte) (int64, bool) {
	const layout = "2006-01-02T15:04:05.000000000Z"
	if len(text) != len(layout) || text[29] != 'Z' {
		return 0, false
	}
	n, ok := 0, text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text[19] == '.'
	digits := func(from, to int) int {
		n = 0
		for _, c := range text[from:to] {
			ok = ok && '0' <= c && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := digits(0, 4), digits(5, 7), digits(8, 10)
	hour, minute, second := digits(11, 13), digits(14, 16), digits(17, 19)
	nanos := digits(20, 29)
	if !ok || year < 1970 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	if year > 2261 {
		return math.MaxInt64, true
	}
	return (daysSince1970(year, month, day)*86400+int64(hour*3600+minute*60+second))*1e9 + int64(nanos), true
}

// daysOf returns the number of days in a month.
func daysOf(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// daysSince1970 returns the number of days from 1 January 1970 to a date.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 { // the year begins in March, so that it ends with the leap day
		year--
		month += 12
	}
	return int64(365*year+year/4-year/100+year/400+(153*(month-3)+2)/5+day-1) - 719468
}

// Nanoseconds returns a time as indexes have it: Unix nanoseconds, at most those of the year
// 2262, which is as far as they go.
func Nanoseconds(t time.Time) int64 {
	switch year := t.UTC().Year(); {
	case year > 2261:
		return math.MaxInt64
	case year < 1700:
		return math.MinInt64
	}
	return t.UnixNano()
}
