package ledgerquery_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// appendTo appends records to the ledger in dir.
func appendTo(t *testing.T, dir string, records ...*record.Record) {
	t.Helper()
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize))
	require.NoError(t, err)
	for _, r := range records {
		data, err := r.AppendJSON(nil)
		require.NoError(t, err)
		_, err = l.Append(t.Context(), data)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
}

func TestConformance(t *testing.T) {
	t.Parallel()
	querytest.Run(t, func(t *testing.T, records []*record.Record) query.Reader {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "ledger")
		appendTo(t, dir, records...)
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		return reader
	})
}

func newRecord(n int) *record.Record {
	at := time.Date(2026, 11, 23, 0, 0, n, 0, time.UTC)
	return &record.Record{Event: audit.Event{
		ID: uuid.At(at), Time: at, Action: "article.update", Actor: audit.User("42"),
		Target: audit.Target{Type: "article", ID: fmt.Sprint(n)}, Outcome: audit.OutcomeSuccess,
	}, ObservedTime: at}
}

func targets(t *testing.T, reader query.Reader, f query.Filter) (ids []string, errs []error) {
	t.Helper()
	for r, err := range reader.Find(t.Context(), f) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ids = append(ids, r.Target.ID)
	}
	return ids, errs
}

func TestFindAfterAppend(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	appendTo(t, dir, newRecord(1), newRecord(2))
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	first := query.Filter{Limit: 1}
	ids, errs := targets(t, reader, first)
	assert.Equal(t, []string{"2"}, ids)
	assert.Empty(t, errs)

	appendTo(t, dir, newRecord(4), newRecord(3))
	ids, _ = targets(t, reader, query.Filter{})
	assert.Equal(t, []string{"4", "3", "2", "1"}, ids)
	ids, _ = targets(t, reader, query.Filter{After: query.CursorOf(findTarget(t, reader, "2"))})
	assert.Equal(t, []string{"1"}, ids, "the next page starts after the cursor")
}

func findTarget(t *testing.T, reader query.Reader, id string) *record.Record {
	t.Helper()
	for r, err := range reader.Find(t.Context(), query.Filter{Targets: []audit.Target{{ID: id}}}) {
		require.NoError(t, err)
		return r
	}
	return nil
}

func TestFindSorts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSyncInterval(time.Hour), ledger.WithSegmentSize(1<<20))
	require.NoError(t, err)
	const n = 10_000 // more than a page and a block
	for i := range n {
		data, err := newRecord((i * 7919) % n).AppendJSON(nil) // unordered
		require.NoError(t, err)
		_, err = l.Append(t.Context(), data)
		require.NoError(t, err)
	}
	reader, err := ledgerquery.NewReader(dir) // while the writer has it open
	require.NoError(t, err)
	ids, errs := targets(t, reader, query.Filter{Ascending: true})
	assert.Empty(t, errs)
	require.Len(t, ids, n)
	for i, id := range ids {
		require.Equal(t, fmt.Sprint(i), id)
	}
	ids, _ = targets(t, reader, query.Filter{Limit: 3})
	assert.Equal(t, []string{"9999", "9998", "9997"}, ids)
	require.NoError(t, l.Close())
}

func TestSameID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	a, b := newRecord(1), newRecord(2)
	b.ID = a.ID
	appendTo(t, dir, a, b, a)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	ids, errs := targets(t, reader, query.Filter{Ascending: true})
	assert.Equal(t, []string{"1", "2"}, ids, "both are evidence")
	assert.Empty(t, errs)
}

// TestPagesOfSameID pages through records with the same time and ID. Those that differ are
// each on one page, in both orders, and a repeated one is on one page only.
func TestPagesOfSameID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	a := newRecord(1)
	var all []*record.Record
	for n := range 6 {
		r := *a
		r.Target.ID = fmt.Sprint("same-", n)
		all = append(all, &r, &r)
	}
	appendTo(t, dir, append(all, newRecord(0), newRecord(2))...)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	for _, ascending := range []bool{true, false} {
		listed, errs := targets(t, reader, query.Filter{Ascending: ascending})
		require.Empty(t, errs)
		require.Len(t, listed, 8)
		for _, size := range []int{1, 2, 3} {
			var paged []string
			for f := (query.Filter{Ascending: ascending, Limit: size}); ; {
				var last *record.Record
				for r, err := range reader.Find(t.Context(), f) {
					require.NoError(t, err)
					paged, last = append(paged, r.Target.ID), r
				}
				if last == nil {
					break
				}
				f.After = query.CursorOf(last)
			}
			assert.Equal(t, listed, paged, "pages of %d", size)
		}
	}
}

// TestRepeatedWithinWindow repeats a record after fewer entries than the reader promises to
// remember, in a ledger whose oldest entries were removed.
func TestRepeatedWithinWindow(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	const window = 1 << 16
	stored := map[uint64][]byte{}
	open := func(opts ...ledger.Option) *ledger.Ledger {
		l, err := ledger.Open(dir, append(opts, ledger.WithSegmentSize(1<<20), ledger.WithSyncInterval(time.Hour))...)
		require.NoError(t, err)
		return l
	}
	appendUpTo := func(l *ledger.Ledger, last uint64) {
		for next := l.Stats().Next; next <= last; {
			var batch [][]byte
			for ; next <= last && len(batch) < 500; next++ {
				data, err := newRecord(int(next)).AppendJSON(nil)
				require.NoError(t, err)
				batch, stored[next] = append(batch, data), data
			}
			_, err := l.Append(t.Context(), batch...)
			require.NoError(t, err)
		}
		require.NoError(t, l.Sync())
	}
	l := open()
	appendUpTo(l, 20_000)
	require.NoError(t, l.Close())
	l = open(ledger.WithRetention(0, 2<<20))
	require.Eventually(t, func() bool { return l.Stats().First > 1_000 }, time.Minute, time.Millisecond)
	require.NoError(t, l.Close())

	l = open()
	first := l.Stats().First
	appendUpTo(l, first+window+500)
	again := first + first%window + 100
	data := stored[again]
	require.NotNil(t, data)
	_, err := l.Append(t.Context(), data)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	ids, errs := targets(t, reader, query.Filter{Targets: []audit.Target{{ID: fmt.Sprint(again)}}})
	assert.Equal(t, []string{fmt.Sprint(again)}, ids)
	assert.Empty(t, errs)
}

// TestRestoredLedger replaces the directory under a reader by an older copy that got other
// records since, and by a new ledger.
func TestRestoredLedger(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	var old, lost, fresh []*record.Record
	for n := range 30 {
		old = append(old, newRecord(n))
		lost = append(lost, newRecord(100+n))
		fresh = append(fresh, newRecord(200+n))
	}
	appendTo(t, dir, old...)
	backup := dir + "-backup"
	require.NoError(t, os.CopyFS(backup, os.DirFS(dir)))
	appendTo(t, dir, lost...)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	same := func(want ...[]*record.Record) {
		t.Helper()
		ids, errs := targets(t, reader, query.Filter{Ascending: true})
		require.Empty(t, errs)
		var all []string
		for _, r := range slices.Concat(want...) {
			all = append(all, r.Target.ID)
		}
		require.Equal(t, all, ids)
	}
	same(old, lost)
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.CopyFS(dir, os.DirFS(backup)))
	require.NoError(t, chmodAll(dir))
	appendTo(t, dir, fresh...)
	same(old, fresh)
	ids, errs := targets(t, reader, query.Filter{Since: fresh[0].Time})
	require.Empty(t, errs)
	require.Len(t, ids, len(fresh))
	require.NoError(t, os.RemoveAll(dir))
	appendTo(t, dir, lost...)
	same(lost)
}

// chmodAll gives the modes of a ledger to a copy.
func chmodAll(dir string) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		err = errors.Join(err, os.Chmod(file, 0o600))
	}
	return err
}

// TestRepairedDamage repairs a file under a reader that has reported its damage.
func TestRepairedDamage(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	for n := range 4 {
		appendTo(t, dir, newRecord(n))
	}
	segment := filepath.Join(dir, "000000000001.segment")
	intact, err := os.ReadFile(segment)
	require.NoError(t, err)
	for _, at := range []int{100, strings.Index(string(intact), `"id":"1"`), strings.Index(string(intact), `"id":"3"`)} {
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		damaged := bytes.Clone(intact)
		damaged[at] ^= 1
		require.NoError(t, os.WriteFile(segment, damaged, 0o600))
		for range 3 {
			ids, errs := targets(t, reader, query.Filter{})
			if at == 100 { // the header is derived from the frames
				require.Len(t, ids, 4)
				require.Empty(t, errs)
				continue
			}
			require.Len(t, ids, 3)
			require.Len(t, errs, 1, "not more each time")
		}
		require.NoError(t, os.WriteFile(segment, intact, 0o600))
		ids, errs := targets(t, reader, query.Filter{})
		require.Len(t, ids, 4, "byte %d", at)
		require.Empty(t, errs)
	}
}

func TestFindSkipsDamage(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	appendTo(t, dir, newRecord(1))
	l, err := ledger.Open(dir)
	require.NoError(t, err)
	_, err = l.Append(t.Context(), []byte("no record"))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	appendTo(t, dir, newRecord(3), newRecord(4))

	segment := filepath.Join(dir, "000000000001.segment")
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	at := strings.Index(string(content), `"id":"3"`)
	content[at+6] ^= 1
	require.NoError(t, os.WriteFile(segment, content, 0o600))

	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	for range 2 {
		ids, errs := targets(t, reader, query.Filter{})
		assert.Equal(t, []string{"4", "1"}, ids)
		require.Len(t, errs, 2)
		var entry *ledgerquery.EntryError
		require.ErrorAs(t, errs[0], &entry)
		assert.EqualValues(t, 2, entry.Seq)
		var corrupt *ledger.CorruptError
		require.ErrorAs(t, errs[1], &corrupt)
		assert.EqualValues(t, 3, corrupt.First)
		assert.EqualValues(t, 3, corrupt.Last)
	}
}

func TestNewReaderMissing(t *testing.T) {
	t.Parallel()
	_, err := ledgerquery.NewReader(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ledgerquery.NewReader(filepath.Join(t.TempDir(), "nothing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestSequences finds the entries of records by what they hold.
func TestSequences(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(31, 32))
	m := newModel(t, rng, 300)
	dir := filepath.Join(t.TempDir(), "ledger")
	reader := newIndexedReader(t, dir, m.entries)
	found := 0
	for i, r := range m.records {
		if r == nil {
			_, err := reader.Sequences(t.Context(), m.entries[i])
			require.Error(t, err)
			continue
		}
		seqs, err := reader.Sequences(t.Context(), m.entries[i])
		if len(seqs) == 0 {
			require.Error(t, err, "an entry that cannot be read may be the record")
		}
		for _, seq := range seqs {
			require.NoError(t, err)
			require.Equal(t, string(m.entries[i]), string(m.entries[seq-1]))
			found++
		}
	}
	require.Greater(t, found, 250, "all that are canonical, and were not stored before")
}
