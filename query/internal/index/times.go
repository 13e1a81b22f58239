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
	n, ok := 0, true
	digits := func(from, to int) int {
		n = 0
		for _, c := range text[from:to] {
			ok = ok && '0' <= c && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := digits(0, 4), digits(5, 7), digits(8, 10)
	seconds := digits(11, 13)*3600 + digits(14, 16)*60 + digits(17, 19)
	nanos := digits(20, 29)
	if !ok || year < 1970 || month < 1 || month > 12 {
		return 0, false
	}
	if year > 2261 {
		return math.MaxInt64, true
	}
	return (daysSince1970(year, month, day)*86400+int64(seconds))*1e9 + int64(nanos), true
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
	switch {
	case t.Year() > 2261:
		return math.MaxInt64
	case t.Year() < 1700:
		return math.MinInt64
	}
	return t.UnixNano()
}
