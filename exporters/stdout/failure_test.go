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

// writer takes what limit lets it.
type writer struct {
	buffer bytes.Buffer
	writes []string // what it was handed
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

// takes makes the writer take n bytes of the next write, and all of those behind.
func (w *writer) takes(n int, err error) {
	w.limit = func([]byte) (int, error) {
		w.limit = nil
		return n, err
	}
}

// rejected returns the indexes of what an Export of n records did not deliver.
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

// TestFailedWrite exports three records of which the writer takes n bytes, and then
// what was not delivered.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	batch := []*record.Record{newRecord(1), newRecord(2), newRecord(3)}
	a, ab, abc := len(lines(t, batch[:1]...)), len(lines(t, batch[:2]...)), len(lines(t, batch...))
	tests := map[string]struct {
		n        int
		rejected []int // of the first export
		begun    []int // those that may be stored
	}{
		"nothing":          {0, []int{0, 1, 2}, nil},
		"half a line":      {a / 2, []int{0, 1, 2}, []int{0}},
		"but a line feed":  {a - 1, []int{0, 1, 2}, []int{0}},
		"a line":           {a, []int{1, 2}, nil},
		"a line and more":  {a + 1, []int{1, 2}, []int{1}},
		"two lines":        {ab, []int{2}, nil},
		"all but one byte": {abc - 1, []int{2}, []int{2}},
		"all, yet fails":   {abc, []int{0, 1, 2}, []int{0, 1, 2}},
	}
	for name, test := range tests {
		for _, cause := range []error{errGone, nil} {
			if cause == nil && test.n == abc {
				continue // a good write
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := &writer{}
				w.takes(test.n, cause)
				e := newExporter(t, WithWriter(w))
				err := e.Export(t.Context(), batch)
				if cause == nil {
					cause = io.ErrShortWrite
				}
				require.ErrorIs(t, err, cause)
				assert.False(t, export.IsPermanent(err))
				left := rejected(err, 3)
				assert.Equal(t, test.rejected, left)
				assert.Equal(t, len(test.begun) > 0, errors.Is(err, audit.ErrMaybeStored))
				if partial, ok := errors.AsType[*export.PartialError](err); ok {
					for i, reason := range partial.Rejected {
						assert.Equal(t, slices.Contains(test.begun, i), errors.Is(reason, audit.ErrMaybeStored), i)
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

func TestFailedWriteBesideARefusedRecord(t *testing.T) {
	t.Parallel()
	w := &writer{}
	w.takes(0, errGone)
	err := newExporter(t, WithWriter(w)).Export(t.Context(), []*record.Record{unencodable(0), newRecord(1)})
	var partial *export.PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Rejected, 2)
	assert.True(t, export.IsPermanent(partial.Rejected[0]))
	assert.Equal(t, errGone, partial.Rejected[1])
}

// Whoever comes next finishes the torn line, and the record of it is not written
// again when it comes after all.
func TestTornLineIsFinishedFirst(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	torn, other := newRecord(1), newRecord(2)
	w.takes(10, nil)
	err := e.Export(t.Context(), []*record.Record{torn})
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	require.EqualError(t, err, audit.ErrMaybeStored.Error()+": short write")

	// The rest takes more attempts, of which two get nowhere.
	w.takes(0, errGone)
	err = e.Export(t.Context(), []*record.Record{other, torn})
	require.ErrorIs(t, err, errGone)
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	w.takes(0, errGone)
	err = e.Export(t.Context(), []*record.Record{other})
	require.ErrorIs(t, err, errGone)
	require.NotErrorIs(t, err, audit.ErrMaybeStored, "not a byte of it was written")
	w.takes(20, nil)
	err = e.Export(t.Context(), []*record.Record{other, torn})
	require.ErrorIs(t, err, io.ErrShortWrite)
	assert.Equal(t, line(t, torn)[:30], w.got())

	require.NoError(t, e.Export(t.Context(), []*record.Record{other}))
	assert.Equal(t, lines(t, torn, other), w.got())
	require.NoError(t, e.Export(t.Context(), []*record.Record{torn}))
	assert.Equal(t, lines(t, torn, other), w.got())
}

func TestShutdownFinishesTornLine(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	w.takes(10, nil)
	require.Error(t, e.Export(t.Context(), []*record.Record{newRecord(1)}))
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Equal(t, lines(t, newRecord(1)), w.got())

	e = newExporter(t, WithWriter(w))
	w.takes(10, errGone)
	require.Error(t, e.Export(t.Context(), []*record.Record{newRecord(2)}))
	w.takes(10, errGone)
	require.ErrorIs(t, e.Shutdown(t.Context()), errGone)
}

// A record is the same whenever it was observed, and another when it says something
// else: then it has a line of its own.
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
			first.Time = first.Time.Add(-1) // stated, not assigned
			second.Time = first.Time
			test.change(second)
			w.takes(10, errGone)
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

// What it is called for in the end: a caller of Track tries again, with the ID that
// the error has.
func TestTrackAgain(t *testing.T) {
	t.Parallel()
	w := &writer{}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(newExporter(t, WithWriter(w))))
	require.NoError(t, err)
	tracker := provider.Tracker("test")
	event := audit.Event{Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess}

	w.takes(50, errGone)
	var failed *audit.DeliveryError
	require.ErrorAs(t, tracker.Track(t.Context(), event), &failed)
	assert.Equal(t, []string{"stdout"}, failed.Unknown)
	require.NoError(t, tracker.Track(t.Context(), event), "somebody else's")
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
		w.takes(n, nil)
		batch := []*record.Record{newRecord(1), newRecord(2)}
		err := e.Export(t.Context(), batch)
		require.ErrorIs(t, err, errCount)
		require.ErrorIs(t, err, audit.ErrMaybeStored)
		assert.Equal(t, []int{0, 1}, rejected(err, 2))

		w.buffer.Reset()
		require.NoError(t, e.Export(t.Context(), batch))
		assert.Equal(t, "\n"+lines(t, batch...), w.got(), "nothing is assumed")
		require.NoError(t, e.Export(t.Context(), batch))
		assert.Equal(t, "\n"+lines(t, append(batch, batch...)...), w.got())
	}
}

func TestPanickingWriter(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	w.takes(10, nil)
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
	assert.Equal(t, line(t, newRecord(1))[:30], before, "what a panic tore stays torn")
	assert.Equal(t, lines(t, newRecord(1)), after, "and spoils nothing")
}

func TestForgetsTheOldest(t *testing.T) {
	t.Parallel()
	w := &flushing{err: errGone}
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
	assert.LessOrEqual(t, len(e.owed.recent)+len(e.owed.older), 2*maxRecent)

	w.err = nil
	written := w.buffer.Len()
	for n := many - maxRecent; n < many; n++ {
		require.NoError(t, e.Export(t.Context(), []*record.Record{numbered(n)}))
	}
	assert.Equal(t, written, w.buffer.Len(), "the last are written once")
	require.NoError(t, e.Export(t.Context(), []*record.Record{numbered(0)}))
	assert.Greater(t, w.buffer.Len(), written)
}

// TestAnyFailures writes through a writer that fails at random, for callers that try
// again at once, later or never, and then counts lines.
func TestAnyFailures(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := &flushing{}
		w.limit = failing(random)
		c := &caller{t: t, random: random, writer: w, exporter: newExporter(t, WithWriter(w)), delivered: map[audit.ID]bool{}}
		for n := range 60 {
			c.export(append(c.some(), newRecord(n)))
		}
		w.limit, w.err = nil, nil
		c.hurry = true
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

// failing returns how much a writer takes that fails at random.
func failing(random *rand.Rand) func(p []byte) (int, error) {
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

// caller exports records, and again what was not delivered, or gives it up.
type caller struct {
	t         *testing.T
	random    *rand.Rand
	writer    *flushing
	exporter  *Exporter
	delivered map[audit.ID]bool
	waiting   []*record.Record
	hurry     bool // nothing fails any more
}

func (c *caller) export(batch []*record.Record) {
	c.waiting = slices.DeleteFunc(slices.Clone(c.waiting), func(r *record.Record) bool { return slices.Contains(batch, r) })
	c.writer.err = nil
	if !c.hurry && c.random.IntN(4) == 0 {
		c.writer.err = errGone
	}
	left := rejected(c.exporter.Export(c.t.Context(), batch), len(batch))
	for i, r := range batch {
		switch {
		case !slices.Contains(left, i):
			require.Contains(c.t, c.writer.got()[:c.writer.flushed], line(c.t, r))
			require.False(c.t, c.delivered[r.ID])
			c.delivered[r.ID] = true
		case c.random.IntN(5) > 0: // else given up
			c.waiting = append(c.waiting, r)
		}
	}
}

// some returns up to three of those that wait.
func (c *caller) some() []*record.Record {
	c.random.Shuffle(len(c.waiting), func(i, j int) { c.waiting[i], c.waiting[j] = c.waiting[j], c.waiting[i] })
	return slices.Clone(c.waiting[:min(len(c.waiting), c.random.IntN(4))])
}
