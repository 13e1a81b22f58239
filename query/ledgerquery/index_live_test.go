package ledgerquery_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copyIndexes copies the files beside the segments of a ledger as they are at the moment, also
// unfinished ones. Files may disappear meanwhile.
func copyIndexes(t *testing.T, from, to string) {
	t.Helper()
	for _, file := range glob(t, from, "*.index*") {
		data, err := os.ReadFile(file)
		if err == nil {
			require.NoError(t, os.WriteFile(filepath.Join(to, filepath.Base(file)), data, 0o600))
		}
	}
}

// TestKilledWhileIndexing takes the indexes as a process would leave them that is killed at some
// moment, and puts them beside the segments as they are in the end, which a restart would see.
// Then it asks, opens the ledger so that the indexes are completed, and asks again.
func TestKilledWhileIndexing(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	records := 700
	if sampled() {
		records = 300
	}
	m := newModel(t, rng, records)
	root := t.TempDir()
	dir := filepath.Join(root, "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Hour),
		ledger.WithSidecars(ledgerquery.NewIndexer()), ledger.WithErrorHandler(func(err error) { t.Error(err) }))
	require.NoError(t, err)
	killed := 0
	for at := 0; at < len(m.entries); {
		n := min(len(m.entries)-at, 1+rng.IntN(7))
		_, err := l.Append(t.Context(), m.entries[at:at+n]...)
		require.NoError(t, err)
		at += n
		if rng.IntN(25) == 0 {
			left := filepath.Join(root, fmt.Sprint(killed))
			require.NoError(t, os.Mkdir(left, 0o700))
			copyIndexes(t, dir, left)
			killed++
		}
	}
	require.NoError(t, l.Close())
	for i := range killed {
		left := filepath.Join(root, fmt.Sprint(i))
		for _, file := range glob(t, dir, "*") {
			if strings.Contains(file, ".index") {
				continue
			}
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(left, filepath.Base(file)), data, 0o600))
		}
		ask := func() {
			reader, err := ledgerquery.NewReader(left)
			require.NoError(t, err)
			for range 4 {
				m.check(t, reader, m.randomFilter(rng), 0, false)
			}
		}
		ask()
		indexLedger(t, left, nil)
		assert.Empty(t, glob(t, left, "*.new"))
		ask()
	}
}

// TestPieces: the segment that grows has pieces of an index, which become one when it is closed.
func TestPieces(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(23, 24))
	m := newModel(t, rng, 300)
	for i, r := range m.records {
		if r != nil {
			r.Reason = strings.Repeat("reasons ", 5000+rng.IntN(2000))
			m.entries[i] = encode(t, r)[0]
			m.positions[r] = query.PositionOf(r)
		}
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	open := func() *ledger.Ledger {
		l, err := ledger.Open(dir, ledger.WithSegmentSize(10<<20), ledger.WithSyncInterval(time.Hour),
			ledger.WithSidecars(ledgerquery.NewIndexer()), ledger.WithErrorHandler(func(err error) { t.Error(err) }))
		require.NoError(t, err)
		return l
	}
	l := open()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	sawPieces := false
	for at := range m.entries {
		_, err := l.Append(t.Context(), m.entries[at])
		require.NoError(t, err)
		switch {
		case at%20 == 0:
			require.NoError(t, l.Sync())
		case at == 150: // the next writer continues with the pieces
			require.Eventually(t, func() bool { return len(glob(t, dir, "*.index-*")) > 0 }, 20*time.Second, time.Millisecond)
			require.NoError(t, l.Close())
			l = open()
		case at%60 == 7:
			sawPieces = sawPieces || len(glob(t, dir, "*.index-*")) > 0
			so := &model{entries: m.entries[:at+1], records: m.records[:at+1], positions: m.positions}
			fresh, err := ledgerquery.NewReader(dir)
			require.NoError(t, err)
			for range questions(2) {
				so.check(t, reader, so.randomFilter(rng), 0, false)
				so.check(t, fresh, so.randomFilter(rng), 0, false)
			}
		}
	}
	assert.True(t, sawPieces)
	require.NoError(t, l.Close())
	for range questions(20) {
		m.check(t, reader, m.randomFilter(rng), 0, false)
	}
}

// TestRetentionRemovesIndexes: an index goes with its segment, and what is gone is not found.
func TestRetentionRemovesIndexes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(25, 26))
	m := newModel(t, rng, 1500)
	dir := filepath.Join(t.TempDir(), "ledger")
	reader := newIndexedReader(t, dir, m.entries)
	m.check(t, reader, query.Filter{}, 0, false)
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithRetention(0, 5*ledger.MinSegmentSize))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(glob(t, dir, "*.index")) <= 5 }, 20*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
	first := int(l.Stats().First - 1)
	for range questions(50) {
		m.check(t, reader, m.randomFilter(rng), first, false)
	}
}

// TestRetentionOvertakesFind: what retention removes while a search is under way is left out of
// the answer, or in it, and everything else is there once.
func TestRetentionOvertakesFind(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(27, 28))
	m := newModel(t, rng, 1500)
	dir := filepath.Join(t.TempDir(), "ledger")
	reader := newIndexedReader(t, dir, m.entries)
	var l *ledger.Ledger
	found := map[*record.Record]int{}
	byPosition := map[query.Position]*record.Record{}
	for _, r := range m.find(query.Filter{}, 0) {
		byPosition[m.positions[r]] = r
	}
	for r, err := range reader.Find(t.Context(), query.Filter{}) {
		if l == nil {
			l, err = ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithRetention(0, 5*ledger.MinSegmentSize))
			require.NoError(t, err)
			require.Eventually(t, func() bool { return len(glob(t, dir, "*.index")) <= 5 }, 20*time.Second, time.Millisecond)
			continue
		}
		if err == nil {
			found[byPosition[query.PositionOf(r)]]++
		}
	}
	require.NoError(t, l.Close())
	for _, n := range found {
		require.Equal(t, 1, n)
	}
	missing := 0
	for _, r := range m.find(query.Filter{}, int(l.Stats().First-1)) {
		if found[r] == 0 {
			missing++
		}
	}
	assert.LessOrEqual(t, missing, 1, "the first match came before the removal")
	assert.NotContains(t, found, (*record.Record)(nil))
}

// TestIndexedPagesBesideWriter reads pages while a writer adds records, also of older times. The records
// that were there before are on one page each.
func TestIndexedPagesBesideWriter(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(31, 32))
	m := newModel(t, rng, 600)
	dir := filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, dir, m.entries)
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Millisecond),
		ledger.WithSidecars(ledgerquery.NewIndexer()))
	require.NoError(t, err)
	more := newModel(t, rng, 600)
	for _, ascending := range []bool{false, true} {
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		found := map[query.Position]int{}
		for f := (query.Filter{Ascending: ascending, Limit: 37}); ; {
			n := 0
			for r, err := range reader.Find(t.Context(), f) {
				if err != nil {
					continue // an entry that is no record
				}
				n++
				found[query.PositionOf(r)]++
				f.After = query.CursorOf(r)
			}
			if n < f.Limit {
				break
			}
			_, err := l.Append(t.Context(), more.entries[rng.IntN(len(more.entries))], more.entries[rng.IntN(len(more.entries))])
			require.NoError(t, err)
		}
		for position, n := range found {
			require.Equal(t, 1, n, "%v", position)
		}
		for _, r := range m.find(query.Filter{}, 0) {
			require.Equal(t, 1, found[m.positions[r]])
		}
	}
	require.NoError(t, l.Close())
}

// TestSalvageWithIndexes: a ledger that has lost its state, and a segment, is repaired and asked as
// if there were no indexes.
func TestSalvageWithIndexes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(33, 34))
	m := newModel(t, rng, 900)
	dir := filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, dir, m.entries)
	ask := func(lost bool) {
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		damaged := false
		for _, err := range reader.Find(t.Context(), query.Filter{Limit: 1}) {
			damaged = damaged || errors.As(err, new(*ledger.CorruptError))
		}
		assert.Equal(t, lost, damaged)
		for range questions(10) {
			m.check(t, reader, m.randomFilter(rng), 0, lost)
		}
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "state")))
	ask(true) // the state is lost, and nothing else
	indexLedger(t, dir, nil, ledger.WithSalvage())
	ask(false)

	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	segments, _, err := r.Segments()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	gone := segments[len(segments)/2]
	require.NoError(t, os.Remove(filepath.Join(dir, fmt.Sprintf("%012d.segment", gone.Number)))) // its index stays
	for seq := gone.First; seq < gone.Next; seq++ {
		m.records[seq-1] = nil
	}
	ask(true)
}

// TestIndexOfReadOnlyDirectory: a reader makes indexes in memory where nobody keeps any.
func TestIndexOfReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(29, 30))
	m := newModel(t, rng, 1300)
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSyncInterval(time.Hour))
	require.NoError(t, err)
	for _, e := range m.entries {
		_, err := l.Append(t.Context(), e)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	require.NoError(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	before := names(t, dir)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	for range questions(25) {
		m.check(t, reader, m.randomFilter(rng), 0, false)
	}
	assert.Equal(t, before, names(t, dir))
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return all
}
