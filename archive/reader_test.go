package archive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store stores records as archives of size records each.
func store(t *testing.T, records []*record.Record, size int, numbered bool) *archive.Dir {
	t.Helper()
	d := newDir(t)
	for first := 0; first < len(records); first += size {
		last := min(first+size, len(records))
		meta := archive.Meta{Log: "shop", First: uint64(first + 1), Last: uint64(last)}
		if !numbered {
			meta.First, meta.Last = 0, 0
		}
		entries := make([]archive.Entry, 0, size)
		for i, r := range records[first:last] {
			e := archive.Entry{Seq: uint64(first + i + 1), Data: encode(t, r)}
			if !numbered {
				e.Seq = 0
			}
			entries = append(entries, e)
		}
		_, err := archive.Create(t.Context(), d, meta, sequence(entries))
		require.NoError(t, err)
	}
	return d
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, 37} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			querytest.Run(t, func(t *testing.T, records []*record.Record) query.Reader {
				t.Helper()
				return archive.NewReader(store(t, records, size, true), "shop")
			})
		})
	}
}

func find(t *testing.T, r query.Reader, f query.Filter) (records []*record.Record, errs []error) {
	t.Helper()
	for r, err := range r.Find(t.Context(), f) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		records = append(records, r)
	}
	return records, errs
}

// TestReaderPages reads more records than a page has, whose times are shuffled, from archives
// that overlap.
func TestReaderPages(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 10_000 {
		r := newRecord(n)
		r.Time = epoch.Add(time.Duration(n*7919%10_007) * time.Second)
		r.ObservedTime = epoch
		records = append(records, r)
	}
	reader := archive.NewReader(store(t, records, 2500, true))
	for _, f := range []query.Filter{{}, {Ascending: true}, {Limit: 9000}} {
		got, errs := find(t, reader, f)
		require.Empty(t, errs)
		want := 10_000
		if f.Limit > 0 {
			want = f.Limit
		}
		require.Len(t, got, want)
		for i := 1; i < len(got); i++ {
			c := got[i-1].Time.Compare(got[i].Time)
			require.Equal(t, f.Ascending, c < 0, "%d", i)
		}
	}
}

// TestReaderSeeks: the times in the manifests rule archives and parts out.
func TestReaderSeeks(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 30_000)
	content, m := write(t, metaOf(entries), entries)
	store := &memory{name: m.Name, content: content}
	reader := archive.NewReader(store)
	_, errs := find(t, reader, query.Filter{Limit: 1})
	require.Empty(t, errs)
	store.reads = 0
	got, errs := find(t, reader, query.Filter{Since: newRecord(15_000).Time, Until: newRecord(15_010).Time})
	require.Empty(t, errs)
	assert.Len(t, got, 10)
	assert.LessOrEqual(t, store.reads, 2)
	store.reads = 0
	got, _ = find(t, reader, query.Filter{Limit: 50})
	assert.Len(t, got, 50)
	assert.LessOrEqual(t, store.reads, 2)
	store.reads = 0
	got, _ = find(t, reader, query.Filter{Since: epoch.AddDate(1, 0, 0)})
	assert.Empty(t, got)
	assert.Zero(t, store.reads)
}

// TestReaderSameRecord: a record that is in several archives is returned once, and different
// records with one ID are all returned, on every page.
func TestReaderSameRecord(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 20 {
		first, again, other := newRecord(n), newRecord(n), newRecord(n)
		again.ObservedTime = again.ObservedTime.Add(time.Minute)
		again.TraceID[0] = 1
		first.ObservedTime = first.Time.Add(time.Millisecond)
		other.ObservedTime = first.ObservedTime
		other.Reason = "altered"
		records = append(records, first, again, other)
	}
	for _, numbered := range []bool{true, false} {
		reader := archive.NewReader(store(t, records, 1, numbered))
		for _, ascending := range []bool{true, false} {
			all, errs := find(t, reader, query.Filter{Ascending: ascending})
			require.Empty(t, errs)
			require.Len(t, all, 40)
			for _, size := range []int{1, 3, 64} {
				var got []*record.Record
				f := query.Filter{Ascending: ascending, Limit: size}
				for {
					page, errs := find(t, reader, f)
					require.Empty(t, errs)
					got = append(got, page...)
					if len(page) < size {
						break
					}
					f.After = query.CursorOf(page[size-1])
				}
				assert.Equal(t, all, got)
			}
		}
	}
}

// TestReaderOneID: a line that says it repeats an ID is returned if its record is another.
func TestReaderOneID(t *testing.T) {
	t.Parallel()
	first, other := newRecord(1), newRecord(1)
	other.Time = other.Time.Add(time.Hour)
	other.Reason = "altered"
	reader := archive.NewReader(store(t, []*record.Record{first, other}, 2, true))
	got, errs := find(t, reader, query.Filter{})
	require.Empty(t, errs)
	assert.Len(t, got, 2)
}

// TestReaderDamage: what can be read is returned, and what cannot is reported once.
func TestReaderDamage(t *testing.T) {
	t.Parallel()
	d := newDir(t)
	entries := newEntries(t, 1, 10_000)
	content, m := write(t, metaOf(entries), entries)
	content[m.Parts[2].Offset+50] ^= 1
	_, err := put(t, d, m.Name, content)
	require.NoError(t, err)
	_, err = put(t, d, "shop/other/bad.jsonl.zst", []byte("what is this? an archive it is not, that is sure enough."))
	require.Error(t, err)
	require.NoError(t, d.Delete(t.Context(), "shop/x"))
	_, err = put(t, d, "shop/readme.txt", []byte("not an archive, and not called like one"))
	require.Error(t, err)
	later := newEntries(t, 20_001, 10)
	later[3].Data, later[4].Data = []byte("no record"), []byte("{}")
	_, err = archive.Create(t.Context(), d, metaOf(later), sequence(later))
	require.NoError(t, err)
	reader := archive.NewReader(d)
	for range 2 {
		got, errs := find(t, reader, query.Filter{})
		assert.Len(t, got, 10_008-int(m.Parts[2].Entries))
		require.Len(t, errs, 4)
		corrupt, ok := errors.AsType[*archive.CorruptError](errs[0])
		require.True(t, ok)
		assert.Equal(t, "shop/other/bad.jsonl.zst", corrupt.Name)
		entry, ok := errors.AsType[*archive.EntryError](errs[1])
		require.True(t, ok)
		assert.EqualValues(t, 20_004, entry.Seq)
		corrupt, ok = errors.AsType[*archive.CorruptError](errs[3])
		require.True(t, ok)
		assert.Equal(t, m.Parts[2].First, corrupt.First)
	}
}

// TestReaderLogs: a Reader of one log ignores others.
func TestReaderLogs(t *testing.T) {
	t.Parallel()
	d := newDir(t)
	for _, log := range []string{"a", "a-b", "b"} {
		entries := newEntries(t, 1, 3)
		meta := metaOf(entries)
		meta.Log = log
		r := newRecord(1)
		r.ID = audit.NewID()
		entries[0].Data = encode(t, r)
		_, err := archive.Create(t.Context(), d, meta, sequence(entries))
		require.NoError(t, err)
	}
	got, _ := find(t, archive.NewReader(d), query.Filter{})
	assert.Len(t, got, 5, "two records are in all logs")
	got, _ = find(t, archive.NewReader(d, "a"), query.Filter{})
	assert.Len(t, got, 3)
	got, _ = find(t, archive.NewReader(d, "a", "b", "a"), query.Filter{})
	assert.Len(t, got, 4)
}

func TestReaderStops(t *testing.T) {
	t.Parallel()
	reader := archive.NewReader(store(t, []*record.Record{newRecord(1), newRecord(2)}, 1, true))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range reader.Find(ctx, query.Filter{}) {
		n, last = n+1, err
		cancel()
	}
	assert.LessOrEqual(t, n, 3)
	require.ErrorIs(t, last, context.Canceled)
}
