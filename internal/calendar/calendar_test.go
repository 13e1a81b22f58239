package calendar_test

import (
	"testing"
	"time"

	"github.com/opendeed/audit/internal/calendar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDayStart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		zone, day, want string
	}{
		{"UTC", "2026-11-20", "2026-11-20T00:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00"},
		{"Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"},      // no midnight
		{"America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00"},    // no midnight
		{"America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00"},    // two
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T00:00:00-03:00"}, // the hour before it twice
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"}, // no midnight
		{"America/Sao_Paulo", "2018-12-32", "2019-01-01T00:00:00-02:00"},
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"}, // no such day
	} {
		zone, err := time.LoadLocation(test.zone)
		require.NoError(t, err)
		year, month, day := date(t, test.day)
		assert.Equal(t, test.want, calendar.DayStart(year, month, day, zone).Format(time.RFC3339), "%s %s", test.zone, test.day)
	}
}

// TestDaysFollow: each day begins after the one before, and the nanosecond before belongs to that.
func TestDaysFollow(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"America/Asuncion", "America/Havana", "America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns", "Africa/Cairo",
		"Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Atlantic/Azores", "Europe/Berlin", "Pacific/Apia",
	} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for n := range 20 * 366 {
			start := calendar.DayStart(2008, 1, 1+n, zone)
			want, before := time.Date(2008, 1, 1+n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), start.Add(-1).Format(time.DateOnly)
			if name == "Pacific/Apia" && want == "2011-12-30" {
				continue
			}
			require.Equal(t, want, start.Format(time.DateOnly), name)
			require.Less(t, before, want, name)
		}
	}
}

func date(t *testing.T, text string) (int, time.Month, int) {
	t.Helper()
	if text == "2018-12-32" {
		return 2018, time.December, 32
	}
	at, err := time.Parse(time.DateOnly, text)
	require.NoError(t, err)
	return at.Date()
}
