package ledgerquery_test

import (
	"fmt"
	"os"
	"path/filepath"
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
	for r, err := range reader.Find(t.Context(), query.Filter{TargetID: id}) {
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
