// Package calendar knows when days begin.
package calendar

import "time"

// DayStart returns the first instant of a day. Midnight does not exist where clocks are put
// forward then, and occurs twice where they are put back to it; time.Date may return an instant of
// the day before, or the later one. Of a day that a zone skipped it returns the first instant after
// it. Days and months outside of their usual ranges are normalized as time.Date does.
func DayStart(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	begin, end := t.ZoneBounds()
	wanted := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	switch shown := wall(t); {
	case shown.Before(wanted):
		return end
	case shown.After(wanted):
		return begin
	case begin.IsZero():
		return t
	}
	_, after := t.Zone()
	_, before := begin.Add(-1).Zone()
	if first := t.Add(time.Duration(after-before) * time.Second); first.Before(begin) && wall(first).Equal(wanted) {
		return first
	}
	return t
}

// wall returns what clocks show at a time, in UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
