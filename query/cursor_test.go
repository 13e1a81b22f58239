package query_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Date(2026, 11, 23, 7, 26, 2, 999_999_999, time.UTC),
		time.Date(2026, 11, 23, 8, 26, 2, 1, time.FixedZone("", 3600)),
		time.Date(1969, 12, 31, 23, 59, 59, 5, time.UTC),
		{},
	} {
		r := &record.Record{Event: audit.Event{ID: audit.NewID(), Time: at}}
		got, err := query.ParseCursor(query.CursorOf(r))
		require.NoError(t, err)
		assert.True(t, at.Equal(got.Time), "%v", at)
		assert.Equal(t, r.ID, got.ID)
		assert.Zero(t, got.Compare(query.PositionOf(r)))
	}
}

func TestParseCursorErrors(t *testing.T) {
	t.Parallel()
	valid := query.CursorOf(&record.Record{Event: audit.Event{ID: audit.NewID(), Time: time.Now()}})
	change := func(i int, b byte) string {
		raw, err := base64.RawURLEncoding.DecodeString(valid)
		require.NoError(t, err)
		raw[i] = b
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for name, cursor := range map[string]string{
		"empty":           "",
		"not base64":      "what is this",
		"too short":       valid[:len(valid)-4],
		"too long":        valid + "AAAA",
		"another version": change(0, 1),
		"nanoseconds":     change(9, 255),
	} {
		_, err := query.ParseCursor(cursor)
		assert.EqualError(t, err, "query: not a cursor from CursorOf", name)
	}
	f := query.Filter{After: "what is this"}
	assert.EqualError(t, f.Validate(), "query: Filter.After: it is not a cursor from CursorOf")
}

// TestPositionCompare orders records by time, then ID, then content.
func TestPositionCompare(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	of := func(seconds int, id byte, action string) query.Position {
		return query.PositionOf(&record.Record{Event: audit.Event{
			ID: audit.ID{id, 15: 1}, Time: at.Add(time.Duration(seconds) * time.Second), Action: action,
			Actor: audit.User("42"), Outcome: audit.OutcomeSuccess,
		}, ObservedTime: at})
	}
	assert.Negative(t, of(1, 9, "b.b").Compare(of(2, 1, "a.a")))
	assert.Negative(t, of(1, 1, "b.b").Compare(of(1, 2, "a.a")))
	assert.Zero(t, of(1, 1, "a.a").Compare(of(1, 1, "a.a")))
	assert.NotZero(t, of(1, 1, "a.a").Compare(of(1, 1, "b.b")))
}
