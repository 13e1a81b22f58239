package gaps_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/gaps"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var day = time.Date(2025, 11, 27, 0, 0, 0, 0, time.UTC)

// at returns a time of the day, such as 10.5 for half past ten.
func at(hours float64) time.Time {
	if hours == 0 {
		return time.Time{}
	}
	return day.Add(time.Duration(hours * float64(time.Hour)))
}

// reading returns a record of the epoch of a ledger.
func reading(action, epoch string, opened, now float64, recorded int64, lists ...attribute.KeyValue) *record.Record {
	r := &record.Record{Event: audit.Event{
		ID: audit.NewID(), Time: at(now), Action: action, Actor: audit.System("audit-counters"),
		Target: audit.Target{Type: semconv.TargetEpoch, ID: epoch}, Outcome: audit.OutcomeSuccess,
		Metadata: append([]attribute.KeyValue{
			semconv.EpochOpenedKey.String(at(opened).Format(time.RFC3339Nano)), semconv.EpochSourceKey.String("ledger/1"),
			semconv.CountRecordedKey.Int64(recorded),
		}, lists...),
	}}
	r.ObservedTime = r.Time
	return r
}

func rejected(n int64) attribute.KeyValue {
	return semconv.CountRejectedKey.StringSlice([]string{fmt.Sprintf("invalid: %d", n)})
}

// trail has an epoch that was closed, one that was killed, and one that is open.
func trail() *querytest.Reader {
	const open, count, end = semconv.ActionEpochOpen, semconv.ActionEpochCount, semconv.ActionEpochClose
	return querytest.NewReader(
		reading(open, "a", 1, 1, 0),
		reading(count, "a", 1, 2, 10),
		reading(count, "a", 1, 3, 20, rejected(2)),
		reading(end, "a", 1, 4, 30, rejected(3)),
		reading(open, "b", 5, 5, 0),
		reading(count, "b", 5, 6, 7),
		reading(open, "c", 8, 8, 0),
		reading(count, "c", 8, 9, 5, semconv.CountRequestsKey.StringSlice([]string{"audited: 1", "missing: 1", "seen: 3"})),
	)
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		since, until float64
		verdict      gaps.Verdict
		recorded     int64
		gaps         int64
		unknown      [][2]float64
		idle         [][2]float64
	}{
		{"nothing is missing", 1, 2, gaps.Complete, 10, 0, nil, nil},
		{"counts enclose the range", 1.5, 1.75, gaps.Complete, 10, 0, nil, nil},
		{"some events are missing", 2, 3.5, gaps.Incomplete, 20, 3, nil, nil},
		{"after the end of one", 3.5, 4.5, gaps.Incomplete, 10, 1, nil, [][2]float64{{4, 4.5}}},
		{"from between two on", 4.5, 5.5, gaps.Interrupted, 7, 0, nil, [][2]float64{{4.5, 5}}},
		{"before the kill", 5, 6, gaps.Complete, 7, 0, nil, nil},
		{"the kill", 5.5, 9, gaps.Unknown, 12, 1, [][2]float64{{6, 8}}, nil},
		{"between the kill and the restart", 6.5, 7, gaps.Unknown, 0, 0, [][2]float64{{6.5, 7}}, nil},
		{"requests have not ended", 8, 9, gaps.Incomplete, 5, 1, nil, nil},
		{"the process may run", 8.5, 10, gaps.Unknown, 5, 1, [][2]float64{{9, 10}}, nil},
		{"from the beginning", 0, 9, gaps.Unknown, 42, 4, [][2]float64{{6, 8}}, [][2]float64{{4, 5}}},
		{"nobody counted", 0.25, 0.5, gaps.Unknown, 0, 0, [][2]float64{{0.25, 0.5}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report, err := gaps.Read(t.Context(), trail(), at(tt.since), at(tt.until))
			require.NoError(t, err)
			assert.Equal(t, tt.verdict, report.Verdict(), "%+v", report)
			assert.Equal(t, tt.recorded, report.Total.Recorded)
			assert.Equal(t, tt.gaps, report.Total.Gaps())
			assert.Equal(t, tt.unknown, hours(report.Unknown))
			assert.Equal(t, tt.idle, hours(report.Idle))
		})
	}
}

func hours(spans []gaps.Span) (all [][2]float64) {
	for _, s := range spans {
		all = append(all, [2]float64{s.From.Sub(day).Hours(), s.To.Sub(day).Hours()})
	}
	return all
}

func TestReadWithoutItsFirstRecords(t *testing.T) {
	t.Parallel()
	end := reading(semconv.ActionEpochClose, "a", 1, 4, 30, rejected(3)) // retention has removed the others
	report, err := gaps.Read(t.Context(), querytest.NewReader(end), at(2), at(5))
	require.NoError(t, err)
	assert.Equal(t, gaps.Incomplete, report.Verdict())
	assert.Equal(t, int64(3), report.Total.Gaps(), "at most so many")
	assert.Equal(t, at(1), report.Epochs[0].From)
}

func TestReadContradictions(t *testing.T) {
	t.Parallel()
	report, err := gaps.Read(t.Context(), querytest.NewReader(
		reading(semconv.ActionEpochCount, "a", 1, 2, 30), reading(semconv.ActionEpochClose, "a", 1, 4, 20)), at(3), at(5))
	require.NoError(t, err)
	assert.Equal(t, gaps.Unknown, report.Verdict())
	assert.Contains(t, report.Unknown[0].Reason, "lower counts")
	assert.Zero(t, report.Total.Recorded)
}

// The clock goes back by five hours between the second record and the third.
func TestReadClockSetBack(t *testing.T) {
	t.Parallel()
	const open, count, end = semconv.ActionEpochOpen, semconv.ActionEpochCount, semconv.ActionEpochClose
	back := []*record.Record{
		reading(open, "a", 8, 8, 0), reading(count, "a", 8, 10, 20, rejected(1)),
		reading(count, "a", 8, 6, 25, rejected(1)), reading(end, "a", 8, 7, 30, rejected(3)),
	}
	caughtUp := append(slices.Clone(back[:3]), reading(count, "a", 8, 9, 28, rejected(2)), reading(end, "a", 8, 11, 30, rejected(3)))
	tests := []struct {
		name           string
		records        []*record.Record
		since, until   float64
		recorded, gaps int64
	}{
		{"all of it", back, 5, 12, 30, 3},
		{"the times after the change", back, 5, 7.5, 0, 0},
		{"the times before it", back, 7.5, 12, 0, 0},
		{"all of it, with a clock that has caught up", caughtUp, 5, 12, 30, 3},
		{"from the change on", caughtUp, 9.5, 12, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			others := []*record.Record{reading(open, "b", 1, 1, 0), reading(end, "b", 1, 20, 0)}
			report, err := gaps.Read(t.Context(), querytest.NewReader(append(others, tt.records...)...), at(tt.since), at(tt.until))
			require.NoError(t, err)
			require.Equal(t, gaps.Unknown, report.Verdict(), "%+v", report)
			assert.Contains(t, report.Unknown[0].Reason, "lower counts")
			assert.Equal(t, tt.recorded, report.Total.Recorded)
			assert.Equal(t, tt.gaps, report.Total.Gaps())
		})
	}
}

func TestReadRunningRequests(t *testing.T) {
	t.Parallel()
	report, err := gaps.Read(t.Context(), querytest.NewReader(
		reading(semconv.ActionEpochClose, "a", 1, 4, 20, semconv.CountRequestsKey.StringSlice([]string{"audited: 1", "seen: 3"}))), at(1), at(5))
	require.NoError(t, err)
	assert.Equal(t, gaps.Unknown, report.Verdict())
	assert.Contains(t, report.Unknown[0].Reason, "2 requests had not ended")
}

func TestReadRejectsItsRange(t *testing.T) {
	t.Parallel()
	_, err := gaps.Read(t.Context(), trail(), at(2), at(1))
	require.ErrorContains(t, err, "it is before Since")
}
