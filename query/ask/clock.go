package ask

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit/internal/calendar"
)

// Span is a span of time. Since is included, Until is not.
type Span struct{ Since, Until time.Time }

// End returns where a time that ends something is: the end of a day, month or year, and the
// beginning of an hour or a minute, so that neither two days nor two hours overlap.
func (s Span) End() time.Time {
	if s.Until.Sub(s.Since) <= time.Hour {
		return s.Since
	}
	return s.Until
}

// Clock is what the words of a time refer to.
type Clock struct {
	Now  time.Time
	Zone *time.Location
}

// ErrForm says which forms a time has.
var ErrForm = errors.New("write a duration before now such as 24h or 7d, a time such as 2026-11-20T14:30 or " +
	"2026-11-20T14:30:00+01:00, a day, month or year such as 2026-11-20, 2026-11 or 2026, or now, today or yesterday")

// layouts are the forms of a time without a zone, and the length of each.
var layouts = []struct {
	layout string
	length time.Duration
}{
	{"2006-01-02T15:04:05.999999999", 0},
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02T15", time.Hour},
}

// calendarLayouts are the forms of spans of the calendar, and the length of each.
var calendarLayouts = []struct {
	layout              string
	years, months, days int
}{
	{"2006-01-02", 0, 0, 1},
	{"2006-01", 0, 1, 0},
	{"2006", 1, 0, 0},
}

// Parse returns the span that the text names. Since and Until of an instant are equal.
func (c Clock) Parse(text string) (Span, error) {
	text = strings.TrimSpace(text)
	now := c.Now.In(c.Zone)
	switch text {
	case "now":
		return Span{now, now}, nil
	case "today":
		year, month, day := now.Date()
		return c.days(year, month, day, 0, 0, 1), nil
	case "yesterday":
		year, month, day := now.Date()
		return c.days(year, month, day-1, 0, 0, 1), nil
	}
	if d, ok := duration(text); ok {
		return Span{now.Add(-d), now.Add(-d)}, nil
	}
	text = strings.Replace(text, " ", "T", 1)
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return Span{t, t}, nil
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l.layout, text, c.Zone); err == nil {
			return Span{t, t.Add(l.length)}, nil
		}
	}
	for _, l := range calendarLayouts {
		if t, err := time.Parse(l.layout, text); err == nil {
			year, month, day := t.Date()
			return c.days(year, month, day, l.years, l.months, l.days), nil
		}
	}
	return Span{}, ErrForm
}

// ParseSpan is Parse for a text that must name more than an instant.
func (c Clock) ParseSpan(text string) (Span, error) {
	s, err := c.Parse(text)
	if err == nil && !s.Since.Before(s.Until) {
		err = errors.New("it is an instant; write a day, month or year such as 2026-11-20, or use --since and --until")
	}
	return s, err
}

// days returns the span from the beginning of a day to that of a later one.
func (c Clock) days(year int, month time.Month, day, years, months, days int) Span {
	return Span{
		calendar.DayStart(year, month, day, c.Zone),
		calendar.DayStart(year+years, month+time.Month(months), day+days, c.Zone),
	}
}

// duration parses a duration such as 90m, 7d or 1w2d12h.
func duration(text string) (d time.Duration, ok bool) {
	for text != "" {
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		n, err := strconv.ParseInt(text[:digits], 10, 64)
		if err != nil || digits == len(text) {
			return 0, false
		}
		unit, known := map[byte]time.Duration{
			's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
		}[text[digits]]
		if !known || n > (math.MaxInt64-int64(d))/int64(unit) {
			return 0, false
		}
		d += time.Duration(n) * unit
		text, ok = text[digits+1:], true
	}
	return d, ok
}

// ParseZone returns a zone by its name: utc, local, an offset such as +01:00, or a name of
// the time zone database, such as Europe/Berlin.
func ParseZone(name string) (*time.Location, error) {
	switch strings.ToLower(name) {
	case "", "utc", "z":
		return time.UTC, nil
	case "local":
		return time.Local, nil
	}
	if t, err := time.Parse("-07:00", name); err == nil {
		_, offset := t.Zone()
		return time.FixedZone("UTC"+name, offset), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a zone; write utc, local, an offset such as +01:00, or a name such as Europe/Berlin", name)
	}
	return zone, nil
}
