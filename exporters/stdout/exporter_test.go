package stdout

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newExporter(t testing.TB, opts ...Option) *Exporter {
	t.Helper()
	e, err := New(opts...)
	require.NoError(t, err)
	return e
}

// newRecord returns the nth record of a sequence.
func newRecord(n int) *record.Record {
	at := time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC).Add(time.Duration(n) * time.Second)
	return &record.Record{
		Event: audit.Event{
			ID:       audit.ID{0x01, 0x99, 15: byte(n)},
			Time:     at,
			Action:   "article.update",
			Actor:    audit.User("42"),
			Target:   audit.Target{Type: "article", ID: "1001"},
			Metadata: []attribute.KeyValue{attribute.Int("n", n)},
		},
		ObservedTime: at,
	}
}

// line returns the JSON line of the record.
func line(t testing.TB, r *record.Record) string {
	t.Helper()
	json, err := r.AppendJSON(nil)
	require.NoError(t, err)
	return string(json) + "\n"
}

func lines(t testing.TB, records ...*record.Record) string {
	t.Helper()
	var all strings.Builder
	for _, r := range records {
		all.WriteString(line(t, r))
	}
	return all.String()
}

// unencodable returns a record that cannot be encoded.
func unencodable(n int) *record.Record {
	r := newRecord(n)
	r.Kind = 99
	return r
}

func TestConformance(t *testing.T) {
	var sink *bytes.Buffer
	read := func(t *testing.T) []*record.Record { return parse(t, sink.String()) }

	t.Run("writer", func(t *testing.T) {
		exporttest.Run(t, func(t *testing.T) export.Exporter {
			sink = new(bytes.Buffer)
			return newExporter(t, WithWriter(sink))
		}, read)
	})
	t.Run("flushed writer", func(t *testing.T) {
		exporttest.Run(t, func(t *testing.T) export.Exporter {
			sink = new(bytes.Buffer)
			return newExporter(t, WithWriter(bufio.NewWriterSize(sink, 100)))
		}, read)
	})
	t.Run("file", func(t *testing.T) {
		var path string
		exporttest.Run(t, func(t *testing.T) export.Exporter {
			path = filepath.Join(t.TempDir(), "trail")
			f, err := os.Create(path)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, f.Close(), "the exporter must not close the file") })
			return newExporter(t, WithWriter(f), WithName("file"), WithDirect())
		}, func(t *testing.T) []*record.Record {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			return parse(t, string(text))
		})
	})
}

func parse(t testing.TB, text string) (records []*record.Record) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.True(t, strings.HasSuffix(line, "\n"), "torn line")
		r := new(record.Record)
		require.NoError(t, r.UnmarshalJSON([]byte(strings.TrimSuffix(line, "\n"))))
		records = append(records, r)
	}
	return records
}

func TestNewDefaults(t *testing.T) {
	t.Parallel()
	e := newExporter(t, nil)
	assert.Equal(t, "stdout", e.Name())
	assert.Equal(t, os.Stdout, e.writer)
	assert.False(t, e.Direct(), "standard output may be a pipe that nobody reads")
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	_, err := New(WithWriter(nil), WithName("My Sink"))
	require.ErrorContains(t, err, "stdout: WithName: \"My Sink\" does not match ^[a-z0-9_-]{1,64}$")
	require.ErrorContains(t, err, "WithWriter: the writer is nil")
}

func TestDirect(t *testing.T) {
	t.Parallel()
	assert.True(t, newExporter(t, WithWriter(io.Discard)).Direct())
	assert.True(t, newExporter(t, WithWriter(new(bytes.Buffer))).Direct())
	assert.False(t, newExporter(t, WithWriter(bufio.NewWriter(os.Stdout))).Direct())
	assert.True(t, newExporter(t, WithDirect()).Direct())
}

func TestOneWritePerBatch(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	require.NoError(t, e.Export(t.Context(), []*record.Record{newRecord(1), newRecord(2), newRecord(3)}))
	assert.Equal(t, []string{lines(t, newRecord(1), newRecord(2), newRecord(3))}, w.writes)
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Len(t, w.writes, 1)
}

func TestExportAllocs(t *testing.T) {
	e := newExporter(t, WithWriter(io.Discard))
	records := []*record.Record{newRecord(1)}
	var err error
	allocs := testing.AllocsPerRun(1000, func() { err = e.Export(context.Background(), records) })
	require.NoError(t, err)
	assert.Zero(t, allocs)
}

func BenchmarkExport(b *testing.B) {
	for name, opts := range map[string][]Option{"json": nil, "text": {WithText()}, "color": {WithText(), WithColor(true)}} {
		b.Run(name, func(b *testing.B) {
			e := newExporter(b, append(opts, WithWriter(io.Discard))...)
			r := textRecords()[1]
			r.Changes = r.Changes[:2]
			records := []*record.Record{r}
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Export(context.Background(), records); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestUnencodableRecord(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	err := e.Export(t.Context(), []*record.Record{unencodable(0), newRecord(1), unencodable(2)})
	var partial *export.PartialError
	require.ErrorAs(t, err, &partial)
	assert.Len(t, partial.Rejected, 2)
	assert.True(t, export.IsPermanent(partial.Rejected[0]))
	assert.True(t, export.IsPermanent(partial.Rejected[2]))
	assert.Equal(t, lines(t, newRecord(1)), w.got())

	err = e.Export(t.Context(), []*record.Record{unencodable(0)})
	require.ErrorContains(t, err, "the record cannot be encoded: ")
	assert.True(t, export.IsPermanent(err))
	assert.Len(t, w.writes, 1, "the record must not be written")
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	w := &writer{}
	e := newExporter(t, WithWriter(w))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, e.Export(ctx, []*record.Record{newRecord(1)}), context.Canceled)
	assert.Empty(t, w.writes)
}

func TestLargeBufferReleased(t *testing.T) {
	t.Parallel()
	e := newExporter(t, WithWriter(io.Discard))
	large := newRecord(1)
	large.Reason = strings.Repeat("x", maxBuffer+1)
	require.NoError(t, e.Export(t.Context(), []*record.Record{large}))
	require.NoError(t, e.Export(t.Context(), []*record.Record{newRecord(2)}))
	assert.Less(t, cap(e.lines), maxBuffer)
}

// flusher is a writer with a Flush method.
type flusher struct {
	writer
	flushed int   // bytes written before the last flush
	err     error // of Flush
}

func (w *flusher) Flush() error {
	if w.err == nil {
		w.flushed = w.buffer.Len()
	}
	return w.err
}

func TestFlush(t *testing.T) {
	t.Parallel()
	w := &flusher{}
	e := newExporter(t, WithWriter(w))
	require.NoError(t, e.Export(t.Context(), []*record.Record{newRecord(1), newRecord(2)}))
	assert.Equal(t, len(lines(t, newRecord(1), newRecord(2))), w.flushed)
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestFailedFlush(t *testing.T) {
	t.Parallel()
	w := &flusher{err: errGone}
	e := newExporter(t, WithWriter(w))
	batch := []*record.Record{newRecord(1), newRecord(2)}
	err := e.Export(t.Context(), batch)
	require.ErrorIs(t, err, errGone)
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	var partial *export.PartialError
	require.NotErrorAs(t, err, &partial, "no record counts as delivered")
	require.ErrorIs(t, e.Export(t.Context(), batch), errGone)

	w.err = nil
	require.NoError(t, e.Export(t.Context(), batch))
	assert.Equal(t, lines(t, batch...), w.got(), "written once")
	assert.Equal(t, w.buffer.Len(), w.flushed)

	w.err = errGone
	require.ErrorIs(t, e.Shutdown(t.Context()), errGone)
}

// With WithPlaces, a line has the place of a record from a ledger, and stays that of the record.
func TestPlaces(t *testing.T) {
	records := exporttest.OddRecords()
	seqs := make([]uint64, len(records))
	for i := range seqs {
		seqs[i] = uint64(i + 7)
	}
	const log = "2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091"
	ctx := export.WithPlaces(t.Context(), log, records, seqs)
	var out, plain bytes.Buffer
	e, err := New(WithWriter(&out), WithPlaces())
	require.NoError(t, err)
	without, err := New(WithWriter(&plain))
	require.NoError(t, err)
	require.NoError(t, e.Export(ctx, records))
	require.NoError(t, without.Export(ctx, records))
	require.NotContains(t, plain.String(), log)
	at := 0
	for line := range bytes.Lines(out.Bytes()) {
		var r record.Record
		require.NoError(t, r.UnmarshalJSON(line))
		require.NoError(t, exporttest.Equal(records[at], &r))
		var envelope struct{ Place export.Place }
		require.NoError(t, json.Unmarshal(line, &envelope))
		require.Equal(t, export.Place{Log: log, Seq: seqs[at]}, envelope.Place)
		at++
	}
	require.Equal(t, len(records), at)
	out.Reset()
	require.NoError(t, e.Export(t.Context(), records))
	require.Equal(t, plain.String(), out.String(), "records that come from no ledger")
}

// With WithCheckpoints, the newest checkpoint is a line of its own before the next records, or at
// the end.
func TestCheckpoints(t *testing.T) {
	var out bytes.Buffer
	e, err := New(WithWriter(&out), WithCheckpoints())
	require.NoError(t, err)
	records := exporttest.OddRecords()[:2]
	at := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	for size := range int64(3) {
		require.NoError(t, e.ExportCheckpoint(t.Context(), export.Checkpoint{Log: "2f1c", Size: size, Note: []byte("a\nb\n"), Time: at}))
	}
	require.NoError(t, e.Export(t.Context(), records))
	require.NoError(t, e.Export(t.Context(), records))
	require.NoError(t, e.ExportCheckpoint(t.Context(), export.Checkpoint{Log: "2f1c", Size: 7, Note: []byte("c\n"), Time: at}))
	require.NoError(t, e.Shutdown(t.Context()))
	lines := strings.SplitAfter(out.String(), "\n")
	require.Len(t, lines, 7)
	require.Equal(t, `{"checkpoint":{"log":"2f1c","size":2,"note":"a\nb\n","time":"2026-11-27T07:00:00Z"}}`+"\n", lines[0])
	for _, line := range lines[1:5] {
		require.NoError(t, new(record.Record).UnmarshalJSON([]byte(line)))
	}
	require.Contains(t, lines[5], `"size":7`)
	require.Empty(t, lines[6])

	out.Reset()
	e, err = New(WithWriter(&out))
	require.NoError(t, err)
	require.NoError(t, e.ExportCheckpoint(t.Context(), export.Checkpoint{Log: "2f1c", Size: 7, Note: []byte("c\n"), Time: at}))
	require.NoError(t, e.Shutdown(t.Context()))
	require.Empty(t, out.String(), "only by option")
}
