package archive_test

import (
	"bytes"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)

// newRecord returns the n-th record.
func newRecord(n int) *record.Record {
	at := epoch.Add(time.Duration(n) * time.Second)
	return &record.Record{
		Event: audit.Event{
			ID: audit.ID{0: 1, 6: 0x70, 8: 0x80, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}, Time: at,
			Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess,
			Target: audit.Target{Type: "article", ID: fmt.Sprint(n)},
		},
		ObservedTime: at,
	}
}

func encode(t testing.TB, r *record.Record) []byte {
	t.Helper()
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	return b
}

// newEntries returns the entries of n records, with sequence numbers from first on.
func newEntries(t testing.TB, first uint64, n int) []archive.Entry {
	t.Helper()
	entries := make([]archive.Entry, n)
	for i := range entries {
		entries[i] = archive.Entry{Seq: first + uint64(i), Data: encode(t, newRecord(int(first)+i))}
	}
	return entries
}

func metaOf(entries []archive.Entry) archive.Meta {
	m := archive.Meta{Log: "shop", Class: "articles", Policy: "p1"}
	if len(entries) > 0 {
		m.First, m.Last = entries[0].Seq, entries[len(entries)-1].Seq
	}
	return m
}

// write returns the bytes of an archive.
func write(t testing.TB, meta archive.Meta, entries []archive.Entry) ([]byte, *archive.Manifest) {
	t.Helper()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, meta)
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, w.Append(e.Seq, e.Data))
	}
	m, err := w.Close()
	require.NoError(t, err)
	require.Equal(t, m.Size, int64(b.Len()))
	return b.Bytes(), m
}

func sequence(entries []archive.Entry) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func newDir(t testing.TB) *archive.Dir {
	t.Helper()
	d, err := archive.CreateDir(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// put stores bytes as an object, and opens it.
func put(t testing.TB, store archive.Store, name string, content []byte) (*archive.Archive, error) {
	t.Helper()
	require.NoError(t, store.Put(t.Context(), name, bytes.NewReader(content), int64(len(content))))
	return archive.Open(t.Context(), store, name)
}

// readAll returns copies of the entries of an archive.
func readAll(t testing.TB, a *archive.Archive) []archive.Entry {
	t.Helper()
	var entries []archive.Entry
	for e, err := range a.Entries(t.Context()) {
		require.NoError(t, err)
		e.Data = bytes.Clone(e.Data)
		entries = append(entries, e)
	}
	return entries
}
