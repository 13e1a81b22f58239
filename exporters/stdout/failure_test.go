package stdout

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errGone = errors.New("the disk is gone")

// writer is a writer whose limit decides how much of a write it accepts.
type writer struct {
	buffer bytes.Buffer
	writes []string // the arguments of Write
	limit  func(p []byte) (int, error)
}

func (w *writer) Write(p []byte) (int, error) {
	w.writes = append(w.writes, string(p))
	n, err := len(p), error(nil)
	if w.limit != nil {
		n, err = w.limit(p)
	}
	w.buffer.Write(p[:max(0, min(n, len(p)))])
	return n, err
}

func (w *writer) got() string { return w.buffer.String() }

// failNext makes the next write accept n bytes and return err.
func (w *writer) failNext(n int, err error) {
	w.limit = func([]byte) (int, error) {
		w.limit = nil
		return n, err
	}
}

// rejected returns the indexes of the records that an Export of n records did not deliver.
func rejected(err error, n int) (indexes []int) {
	if partial, ok := errors.AsType[*export.PartialError](err); ok {
		return slices.Sorted(maps.Keys(partial.Rejected))
	}
	for i := range n {
		if err != nil {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// TestFailedWrite exports three records, of which the writer accepts n bytes, then
// exports the undelivered ones again.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	batch := []*record.Record{newRecord(1), newRecord(2), newRecord(3)}
	a, ab, abc := len(lines(t, batch[:1]...)), len(lines(t, batch[:2]...)), len(lines(t, batch...))
	tests := map[string]struct {
		n         int
		rejected  []int // of the first export
		uncertain []int // those that may be stored
	}{
		"nothing":             {0, []int{0, 1, 2}, nil},
		"half a line":         {a / 2, []int{0, 1, 2}, []int{0}},
		"all but a line feed": {a - 1, []int{0, 1, 2}, []int{0}},
		"a line":              {a, []int{1, 2}, nil},
		"a line and more":     {a + 1, []int{1, 2}, []int{1}},
		"two lines":           {ab, []int{2}, nil},
		"all but one byte":    {abc - 1, []int{2}, []int{2}},
		"all, with an error":  {abc, []int{0, 1, 2}, []int{0, 1, 2}},
	}
	for name, test := range tests {
		for _, cause := range []error{errGone, nil} {
			if cause == nil && test.n == abc {
				continue // succeeds
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := &writer{}
				w.failNext(test.n, cause)
				e := newExporter(t, WithWriter(w))
				err := e.Export(t.Context(), batch)
				if cause == nil {
					cause = io.ErrShortWrite
				}
				require.ErrorIs(t, err, cause)
				assert.False(t, export.IsPermanent(err))
				left := rejected(err, 3)
				assert.Equal(t, test.rejected, left)
				assert.Equal(t, len(test.uncertain) > 0, errors.Is(err, audit.ErrMaybeStored))
				if partial, ok := errors.AsType[*export.PartialError](err); ok {
					for i, reason := range partial.Rejected {
						assert.Equal(t, slices.Contains(test.uncertain, i), errors.Is(reason, audit.ErrMaybeStored), i)
					}
				}

				var again []*record.Record
				for _, i := range left {
					again = append(again, batch[i])
				}
				require.NoError(t, e.Export(t.Context(), again))
				assert.Equal(t, lines(t, batch...), w.got())
			})
		}
	}
}

func TestFailedWriteWithUnencodableRecord(t *testing.T) {
	t.Parallel()
	w := &writer{}
	w.failNext(0, errGone)
	err := newExporter(t, WithWriter(w)).Export(t.Context(), []*record.Record{unencodable(0), newRecord(1)})
	var partial *export.PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Rejected, 2)
	assert.True(t, export.IsPermanent(partial.Rejected[0]))
	assert.Equal(t, errGone, partial.Rejected[1])
}

// The next export completes a torn line, and its record is not written again.
func TestTornLineCompleted(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	torn, other := newRecord(1), newRecord(2)
	w.failNext(10, nil)
	err := e.Export(t.Context(), []*record.Record{torn})
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	require.EqualError(t, err, audit.ErrMaybeStored.Error()+": short write")

	// Completing the line takes several attempts, of which two write nothing.
	w.failNext(0, errGone)
	err = e.Export(t.Context(), []*record.Record{other, torn})
	require.ErrorIs(t, err, errGone)
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	w.failNext(0, errGone)
	err = e.Export(t.Context(), []*record.Record{other})
	require.ErrorIs(t, err, errGone)
	require.NotErrorIs(t, err, audit.ErrMaybeStored, "no byte of it was written")
	w.failNext(20, nil)
	err = e.Export(t.Context(), []*record.Record{other, torn})
	require.ErrorIs(t, err, io.ErrShortWrite)
	assert.Equal(t, line(t, torn)[:30], w.got())

	require.NoError(t, e.Export(t.Context(), []*record.Record{other}))
	assert.Equal(t, lines(t, torn, other), w.got())
	require.NoError(t, e.Export(t.Context(), []*record.Record{torn}))
	assert.Equal(t, lines(t, torn, other), w.got())
}

func TestShutdownCompletesTornLine(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	w.failNext(10, nil)
	require.Error(t, e.Export(t.Context(), []*record.Record{newRecord(1)}))
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Equal(t, lines(t, newRecord(1)), w.got())

	e = newExporter(t, WithWriter(w))
	w.failNext(10, errGone)
	require.Error(t, e.Export(t.Context(), []*record.Record{newRecord(2)}))
	w.failNext(10, errGone)
	require.ErrorIs(t, e.Shutdown(t.Context()), errGone)
}

// A record is the same if only the observed time or the trace differs. A record with other
// content gets its own line.
func TestSameRecord(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(r *record.Record)
		same   bool
	}{
		"unchanged":      {func(*record.Record) {}, true},
		"observed later": {func(r *record.Record) { r.ObservedTime = r.ObservedTime.Add(1) }, true},
		"traced":         {func(r *record.Record) { r.TraceID, r.SpanID = [16]byte{1}, [8]byte{1} }, true},
		"later":          {func(r *record.Record) { r.Time = r.Time.Add(1) }, false},
		"other reason":   {func(r *record.Record) { r.Reason = "other" }, false},
		"other id":       {func(r *record.Record) { r.ID[15]++ }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &writer{}
			e := newExporter(t, WithWriter(w))
			first, second := newRecord(1), newRecord(1)
			first.Time = first.Time.Add(-1) // set by the caller
			second.Time = first.Time
			test.change(second)
			w.failNext(10, errGone)
			require.Error(t, e.Export(t.Context(), []*record.Record{first}))
			require.NoError(t, e.Export(t.Context(), []*record.Record{second}))
			want := line(t, first)
			if !test.same {
				want += line(t, second)
			}
			assert.Equal(t, want, w.got())
		})
	}
}

// A caller of Track can retry with the ID in the error.
func TestTrackRetry(t *testing.T) {
	t.Parallel()
	w := &writer{}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(newExporter(t, WithWriter(w))))
	require.NoError(t, err)
	tracker := provider.Tracker("test")
	event := audit.Event{Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess}

	w.failNext(50, errGone)
	var failed *audit.DeliveryError
	require.ErrorAs(t, tracker.Track(t.Context(), event), &failed)
	assert.Equal(t, []string{"stdout"}, failed.Unknown)
	require.NoError(t, tracker.Track(t.Context(), event), "another event")
	event.ID = failed.ID
	require.NoError(t, tracker.Track(t.Context(), event))

	require.NoError(t, provider.Shutdown(t.Context()))
	records := parse(t, w.got())
	require.Len(t, records, 2)
	assert.Equal(t, failed.ID, records[0].ID)
	assert.NotEqual(t, failed.ID, records[1].ID)
}

func TestImpossibleCount(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 1 << 20} {
		w := &writer{}
		e := newExporter(t, WithWriter(w))
		w.failNext(n, nil)
		batch := []*record.Record{newRecord(1), newRecord(2)}
		err := e.Export(t.Context(), batch)
		require.ErrorIs(t, err, errCount)
		require.ErrorIs(t, err, audit.ErrMaybeStored)
		assert.Equal(t, []int{0, 1}, rejected(err, 2))

		w.buffer.Reset()
		require.NoError(t, e.Export(t.Context(), batch))
		assert.Equal(t, "\n"+lines(t, batch...), w.got(), "all is written again")
		require.NoError(t, e.Export(t.Context(), batch))
		assert.Equal(t, "\n"+lines(t, append(batch, batch...)...), w.got())
	}
}

func TestPanickingWriter(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	w.failNext(10, nil)
	require.Error(t, e.Export(t.Context(), []*record.Record{newRecord(1)}))
	w.limit = func(p []byte) (int, error) {
		w.buffer.Write(p[:20])
		w.limit = nil
		panic("index out of range")
	}
	require.Panics(t, func() { _ = e.Export(t.Context(), []*record.Record{newRecord(1)}) })
	require.NoError(t, e.Export(t.Context(), []*record.Record{newRecord(1)}))
	before, after, found := strings.Cut(w.got(), "\n")
	require.True(t, found)
	assert.Equal(t, line(t, newRecord(1))[:30], before, "the line stays torn")
	assert.Equal(t, lines(t, newRecord(1)), after, "the next line is complete")
}

func TestUnconfirmedLimit(t *testing.T) {
	t.Parallel()
	w := &flusher{err: errGone}
	e := newExporter(t, WithWriter(w))
	numbered := func(n int) *record.Record {
		r := newRecord(n)
		r.ID[1], r.ID[2], r.ID[3] = 1, byte(n>>8), byte(n)
		return r
	}
	const many = 5*maxRecent + maxRecent/2
	for n := range many {
		require.Error(t, e.Export(t.Context(), []*record.Record{numbered(n)}))
	}
	assert.LessOrEqual(t, len(e.unconfirmed.recent)+len(e.unconfirmed.older), 2*maxRecent)

	w.err = nil
	written := w.buffer.Len()
	for n := many - maxRecent; n < many; n++ {
		require.NoError(t, e.Export(t.Context(), []*record.Record{numbered(n)}))
	}
	assert.Equal(t, written, w.buffer.Len(), "the last records are not written again")
	require.NoError(t, e.Export(t.Context(), []*record.Record{numbered(0)}))
	assert.Greater(t, w.buffer.Len(), written)
}

// TestRandomFailures uses a writer that fails at random, for callers that retry at once,
// later or never, and then counts the lines.
func TestRandomFailures(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := &flusher{}
		w.limit = randomLimit(random)
		c := &caller{t: t, random: random, writer: w, exporter: newExporter(t, WithWriter(w)), delivered: map[audit.ID]bool{}}
		for n := range 60 {
			c.export(append(c.pick(), newRecord(n)))
		}
		w.limit, w.err = nil, nil
		c.healthy = true
		c.export(c.waiting)
		require.Empty(t, c.waiting)
		require.NoError(t, c.exporter.Shutdown(t.Context()))

		written := map[audit.ID]int{}
		for _, r := range parse(t, w.got()) {
			written[r.ID]++
		}
		for n := range 60 {
			id := newRecord(n).ID
			require.LessOrEqual(t, written[id], 1, "seed %d: written twice", seed)
			require.True(t, written[id] == 1 || !c.delivered[id], "seed %d: delivered and not written", seed)
		}
	}
}

// randomLimit returns the limit of a writer that fails at random.
func randomLimit(random *rand.Rand) func(p []byte) (int, error) {
	return func(p []byte) (int, error) {
		switch random.IntN(4) {
		case 0:
			return len(p), nil
		case 1:
			return len(p), errGone
		case 2:
			return random.IntN(len(p) + 1), errGone
		default:
			return random.IntN(len(p)), nil
		}
	}
}

// caller exports records and retries or abandons those that were not delivered.
type caller struct {
	t         *testing.T
	random    *rand.Rand
	writer    *flusher
	exporter  *Exporter
	delivered map[audit.ID]bool
	waiting   []*record.Record
	healthy   bool // Flush no longer fails
}

func (c *caller) export(batch []*record.Record) {
	c.waiting = slices.DeleteFunc(slices.Clone(c.waiting), func(r *record.Record) bool { return slices.Contains(batch, r) })
	c.writer.err = nil
	if !c.healthy && c.random.IntN(4) == 0 {
		c.writer.err = errGone
	}
	left := rejected(c.exporter.Export(c.t.Context(), batch), len(batch))
	for i, r := range batch {
		switch {
		case !slices.Contains(left, i):
			require.Contains(c.t, c.writer.got()[:c.writer.flushed], line(c.t, r))
			require.False(c.t, c.delivered[r.ID])
			c.delivered[r.ID] = true
		case c.random.IntN(5) > 0: // else abandoned
			c.waiting = append(c.waiting, r)
		}
	}
}

// pick returns up to three waiting records.
func (c *caller) pick() []*record.Record {
	c.random.Shuffle(len(c.waiting), func(i, j int) { c.waiting[i], c.waiting[j] = c.waiting[j], c.waiting[i] })
	return slices.Clone(c.waiting[:min(len(c.waiting), c.random.IntN(4))])
}
