package ask_test

import (
	"testing"
	"time"

	"github.com/opendeed/audit/query/ask"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestParse reads each form of a time, in a zone where one day has 23 hours.
func TestParse(t *testing.T) {
	berlin, err := ask.ParseZone("Europe/Berlin")
	require.NoError(t, err)
	clock := ask.Clock{Now: time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC), Zone: berlin}
	for text, want := range map[string][2]string{
		"now":                       {"2026-03-30T12:00:00Z", "2026-03-30T12:00:00Z"},
		"24h":                       {"2026-03-29T12:00:00Z", "2026-03-29T12:00:00Z"},
		"1w1d90m":                   {"2026-03-22T10:30:00Z", "2026-03-22T10:30:00Z"},
		"today":                     {"2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"},
		"yesterday":                 {"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, // 23 hours
		"2026-03-29":                {"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		"2026-02":                   {"2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z"},
		"2025":                      {"2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"},
		"2026-03-30T14":             {"2026-03-30T12:00:00Z", "2026-03-30T13:00:00Z"},
		"2026-03-30 14:30":          {"2026-03-30T12:30:00Z", "2026-03-30T12:31:00Z"},
		"2026-03-30T14:30:05.5":     {"2026-03-30T12:30:05.5Z", "2026-03-30T12:30:05.5Z"},
		"2026-03-30T14:30:05+05:30": {"2026-03-30T09:00:05Z", "2026-03-30T09:00:05Z"},
	} {
		span, err := clock.Parse(text)
		require.NoError(t, err, text)
		got := [2]string{span.Since.UTC().Format(time.RFC3339Nano), span.Until.UTC().Format(time.RFC3339Nano)}
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{"2026-03-29": "2026-03-29T22:00:00Z", "2026-03-30T14": "2026-03-30T12:00:00Z", "now": "2026-03-30T12:00:00Z"} {
		span, err := clock.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, span.End().UTC().Format(time.RFC3339Nano), text)
	}
	for _, text := range []string{"", "24", "h", "1y", "2026-13", "2026-02-30", "20.11.2026", "99999999999999d", "-1h"} {
		_, err := clock.Parse(text)
		assert.ErrorIs(t, err, ask.ErrForm, text)
	}
	_, err = clock.ParseSpan("24h")
	assert.ErrorContains(t, err, "instant")
}

// TestParseWithoutMidnight: where clocks are changed at midnight, a day begins at its first instant,
// and ends where the next one begins.
func TestParseWithoutMidnight(t *testing.T) {
	for zone, days := range map[string]map[string][2]string{
		"America/Havana": {
			"2026-03-07": {"2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z"},
			"2026-03-08": {"2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}, // begins at 1:00
			"today":      {"2026-03-09T04:00:00Z", "2026-03-10T04:00:00Z"},
			"yesterday":  {"2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
			"2026-10-31": {"2026-10-31T04:00:00Z", "2026-11-01T04:00:00Z"},
			"2026-11-01": {"2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"}, // has two midnights
			"2026-10":    {"2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z"},
		},
		"Africa/Cairo": {"2026-04-23": {"2026-04-22T22:00:00Z", "2026-04-23T22:00:00Z"}},
	} {
		location, err := ask.ParseZone(zone)
		require.NoError(t, err)
		clock := ask.Clock{Now: time.Date(2026, 3, 9, 4, 30, 0, 0, time.UTC), Zone: location} // 0:30 in Havana
		for text, want := range days {
			span, err := clock.Parse(text)
			require.NoError(t, err, text)
			got := [2]string{span.Since.UTC().Format(time.RFC3339Nano), span.Until.UTC().Format(time.RFC3339Nano)}
			assert.Equal(t, want, got, "%s %s", zone, text)
		}
	}
}

func TestParseZone(t *testing.T) {
	zone, err := ask.ParseZone("+05:30")
	require.NoError(t, err)
	assert.Equal(t, "UTC+05:30", zone.String())
	_, err = ask.ParseZone("Nowhere")
	assert.ErrorContains(t, err, "not a zone")
}
