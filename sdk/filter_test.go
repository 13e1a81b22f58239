package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// batchOf returns records with the actions n1, n2 and so on.
func batchOf(numbers ...int) []*record.Record {
	records := make([]*record.Record, len(numbers))
	for i, n := range numbers {
		records[i] = &record.Record{Event: audit.Event{ID: audit.NewID(), Action: "n" + strconv.Itoa(n)}}
	}
	return records
}

func actionsOf(records []*record.Record) string {
	var actions []string
	for _, r := range records {
		actions = append(actions, r.Action)
	}
	return strings.Join(actions, " ")
}

// even keeps records with an even number, and panics for n13.
func even(r *record.Record) bool {
	if r.Action == "n13" {
		panic("the action is " + r.Action)
	}
	n, _ := strconv.Atoi(r.Action[1:])
	return n%2 == 0
}

func TestFilterMapsIndexes(t *testing.T) {
	t.Parallel()
	permanent := export.Permanent(errBroken)
	reject := func(rejected map[int]error) error { return &export.PartialError{Rejected: rejected} }
	for _, tt := range []struct {
		name    string
		numbers []int
		given   string // what the exporter gets; "-" for no call
		err     error  // what the exporter returns
		want    map[int]error
		whole   bool // the error is not a *PartialError
	}{
		{name: "some", numbers: []int{1, 2, 3, 4}, given: "n2 n4"},
		{name: "all", numbers: []int{2, 4, 6}, given: "n2 n4 n6"},
		{name: "none", numbers: []int{1, 3}, given: "-"},
		{name: "no records", numbers: nil, given: "-"},
		{name: "rejected, some left out", numbers: []int{1, 2, 3, 4, 6}, given: "n2 n4 n6", err: reject(map[int]error{1: permanent}), want: map[int]error{3: permanent}},
		{name: "rejected, none left out", numbers: []int{2, 4}, given: "n2 n4", err: reject(map[int]error{1: permanent}), want: map[int]error{1: permanent}},
		{name: "wrapped", numbers: []int{1, 2}, given: "n2", err: fmt.Errorf("sink: %w", reject(map[int]error{0: permanent})), want: map[int]error{1: permanent}},
		{name: "joined", numbers: []int{1, 2}, given: "n2", err: errors.Join(errBusy, reject(map[int]error{0: permanent})), want: map[int]error{1: permanent}},
		{name: "whole batch, some left out", numbers: []int{1, 2, 3, 4}, given: "n2 n4", err: permanent, want: map[int]error{1: permanent, 3: permanent}},
		{name: "whole batch, none left out", numbers: []int{2, 4}, given: "n2 n4", err: errBroken, whole: true},
		{name: "an index out of range", numbers: []int{1, 2}, given: "n2", err: reject(map[int]error{1: permanent}), whole: true},
		{name: "none rejected", numbers: []int{1, 2}, given: "n2", err: reject(nil), want: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			given := "-"
			e := export.Filter(&sink{export: func(_ context.Context, records []*record.Record) error {
				given = actionsOf(records)
				return tt.err
			}}, even)
			err := e.Export(t.Context(), batchOf(tt.numbers...))
			assert.Equal(t, tt.given, given)
			partial, ok := errors.AsType[*export.PartialError](err)
			switch {
			case tt.whole:
				require.Error(t, err)
				assert.False(t, ok)
			case tt.want == nil:
				require.NoError(t, err)
			default:
				require.ErrorContains(t, err, tt.err.Error())
				require.ErrorIs(t, err, errBroken)
				require.True(t, ok)
				assert.Equal(t, tt.want, partial.Rejected)
			}
		})
	}
}

func TestFilterPanics(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{"accepted": nil, "failed": errBroken, "rejected": &export.PartialError{Rejected: map[int]error{0: errBroken}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sink{export: func(context.Context, []*record.Record) error { return answer }}
			err := export.Filter(s, even).Export(t.Context(), batchOf(1, 13, 2))
			partial, ok := errors.AsType[*export.PartialError](err)
			require.True(t, ok)
			assert.True(t, export.IsPermanent(partial.Rejected[1]), "it must not be retried")
			assert.NotContains(t, partial.Rejected[1].Error(), "n13", "a panic may show a value")
			assert.Equal(t, answer != nil, partial.Rejected[2] != nil)
			assert.NotContains(t, partial.Rejected, 0)
		})
	}
	s := &sink{}
	require.Error(t, export.Filter(s, even).Export(t.Context(), batchOf(13)))
	assert.Empty(t, s.all(), "the sink may not be allowed to get it")
}

// TestFilterKeepsRetryAfter tests that the pause an exporter asks for is kept if the batch
// also has records that the filter leaves out.
func TestFilterKeepsRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := failing()
		keep := func(r *record.Record) bool { return r.Action == "article.update" }
		tracker := newTracker(t, sdk.WithBatcher(export.Filter(a, keep), sdk.WithBackoff(time.Millisecond), sdk.WithMaxAttempts(10)))
		require.NoError(t, tracker.Track(t.Context(), with(func(e *audit.Event) { e.Action = "article.read" })))
		require.NoError(t, tracker.Track(t.Context(), valid()))
		time.Sleep(time.Hour)
		requirePauses(t, a)
	})
}

func TestFilterWithLedger(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithLedger(t.TempDir(), sdk.ExportTo(export.Filter(s, func(r *record.Record) bool {
		if r.Action == "b.c" {
			panic("bad record")
		}
		return r.Action != "b.d"
	}))))
	tracker := p.Tracker("test")
	for _, action := range []string{"b.a", "b.c", "b.d", "b.e"} {
		require.NoError(t, tracker.Track(t.Context(), with(func(e *audit.Event) { e.Action = action })))
	}
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, "b.a b.e", actionsOf(s.all()))
	var dead []string
	for letter, err := range p.DeadLetters(t.Context()) {
		require.NoError(t, err)
		dead = append(dead, letter.Record.Action)
	}
	assert.Equal(t, []string{"b.c"}, dead, "a filter loses no record")
}

func TestFilterDirectExporter(t *testing.T) {
	t.Parallel()
	direct := func(e export.Exporter) bool {
		d, ok := export.Filter(e, even).(export.DirectExporter)
		return ok && d.Direct()
	}
	assert.True(t, direct(&directSink{}))
	assert.False(t, direct(&sink{}))
}

func TestFilterNil(t *testing.T) {
	t.Parallel()
	_, err := sdk.NewTrackerProvider(sdk.WithSyncer(export.Filter(nil, even)))
	require.ErrorContains(t, err, "the exporter is nil")
	s := &sink{}
	require.NoError(t, export.Filter(s, nil).Export(t.Context(), batchOf(1)))
	assert.Len(t, s.all(), 1)
}

// TestFilterConformance tests that a filtered exporter meets the contract of exporters.
func TestFilterConformance(t *testing.T) {
	t.Parallel()
	var s *sink
	exporttest.Run(t, func(*testing.T) export.Exporter {
		s = &sink{export: func(ctx context.Context, _ []*record.Record) error { return ctx.Err() }}
		return export.Filter(s, func(*record.Record) bool { return true })
	}, func(*testing.T) []*record.Record { return s.all() })
}

func TestFilterAllocations(t *testing.T) {
	e := export.Filter(acceptsAll{}, even)
	records := batchOf(1, 2, 3, 4)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = e.Export(context.Background(), records) }))
}

// acceptsAll is an exporter that does not allocate.
type acceptsAll struct{ export.Exporter }

func (acceptsAll) Export(context.Context, []*record.Record) error { return nil }

func Example_exportFilter() {
	// Only denied operations go to the exporter.
	security := export.Filter(lines{}, func(r *record.Record) bool { return r.Outcome == audit.OutcomeDenied })
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(security))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop")
	_ = tracker.Track(context.Background(), audit.Event{Action: "cart.clear", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess})
	_ = tracker.Track(context.Background(), audit.Event{Action: "cart.share", Actor: audit.User("42"), Outcome: audit.OutcomeDenied})
	// Output:
	// cart.share
}
