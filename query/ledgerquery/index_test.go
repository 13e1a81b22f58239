package ledgerquery_test

import (
	"bytes"
	"encoding/json"
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
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// raceDetector reports whether the tests run with the race detector, which makes them ten
// times slower.
var raceDetector bool

// sampled reports whether some of many cases suffice: CI runs the others without the race
// detector.
func sampled() bool { return raceDetector || testing.Short() }

// questions returns how many of n random questions a test asks.
func questions(n int) int {
	if sampled() {
		return (n + 2) / 3
	}
	return n
}

// newIndexedReader returns a Reader of a new ledger that has indexes, see indexLedger.
func newIndexedReader(t testing.TB, dir string, entries [][]byte, opts ...ledger.Option) *ledgerquery.Reader {
	t.Helper()
	indexLedger(t, dir, entries, opts...)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	return reader
}

// glob returns the files of a ledger with names that match.
func glob(t testing.TB, dir, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	return files
}

// indexLedger appends entries to the ledger in dir and waits until all of its closed segments
// have an index.
func indexLedger(t testing.TB, dir string, entries [][]byte, opts ...ledger.Option) {
	t.Helper()
	l, err := ledger.Open(dir, append([]ledger.Option{
		ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Hour), ledger.WithSidecars(ledgerquery.NewIndexer()),
		ledger.WithErrorHandler(func(err error) { t.Error(err) }),
	}, opts...)...)
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, uint64(len(entries))))
	for len(entries) > 0 {
		n := min(len(entries), 1+rng.IntN(7))
		_, err := l.Append(t.Context(), entries[:n]...)
		require.NoError(t, err)
		entries = entries[n:]
	}
	require.NoError(t, l.Sync())
	require.Eventually(t, func() bool {
		return len(glob(t, dir, "*.index")) >= len(glob(t, dir, "*.segment"))-1
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
}

func TestConformanceWithIndex(t *testing.T) {
	t.Parallel()
	querytest.Run(t, func(t *testing.T, records []*record.Record) query.Reader {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "ledger")
		reader := newIndexedReader(t, dir, encode(t, records...))
		return reader
	})
}

func encode(t testing.TB, records ...*record.Record) (entries [][]byte) {
	t.Helper()
	for _, r := range records {
		data, err := r.AppendJSON(nil)
		require.NoError(t, err)
		entries = append(entries, data)
	}
	return entries
}

// model is a ledger in memory. It answers by looking at every record.
type model struct {
	entries   [][]byte
	records   []*record.Record // of the entries; nil if one is no record
	positions map[*record.Record]query.Position
}

// add adds a record, encoded in one of several ways.
func (m *model) add(t testing.TB, r *record.Record, rng *rand.Rand) {
	t.Helper()
	data := encode(t, r)[0]
	if rng.IntN(30) == 0 { // not canonical
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, data, " ", "\t"))
		data = bytes.ReplaceAll(indented.Bytes(), []byte("thing"), []byte(`th\u0069ng`))
	}
	m.entries, m.records = append(m.entries, data), append(m.records, r)
	m.positions[r] = query.PositionOf(r)
}

// newModel returns records whose times are in disorder. Some are stored twice, some have the
// same ID or the same time as others, and some entries are no records.
func newModel(t testing.TB, rng *rand.Rand, n int) *model {
	t.Helper()
	m := &model{positions: map[*record.Record]query.Position{}}
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		switch rng.IntN(20) {
		case 0:
			at = start.Add(time.Duration(rng.IntN(n)) * time.Second)
		case 1:
			at = at.AddDate(rng.IntN(3)-1, 0, 0)
		case 2:
			at = at.AddDate(1000*rng.IntN(2), 0, 0)
		}
		r := &record.Record{Event: audit.Event{
			ID: uuid.At(at), Time: at, Action: fmt.Sprintf("thing.verb%d", rng.IntN(4)), Actor: audit.User(fmt.Sprint(rng.IntN(20))),
			Target: audit.Target{Type: "thing", ID: fmt.Sprint(rng.IntN(n / 3))}, Outcome: audit.Outcome(rng.IntN(3)),
			Metadata: []attribute.KeyValue{attribute.Int("n", rng.IntN(4)), attribute.StringSlice("s", []string{"a", "b"}[:rng.IntN(3)])},
			Reason:   strings.Repeat("because ", rng.IntN(40)),
			Tenant:   []string{"", "acme", "odd \"tenant\""}[rng.IntN(3)],
		}, ObservedTime: at}
		if rng.IntN(2) == 0 {
			r.TraceID[15] = byte(1 + rng.IntN(50))
		}
		switch rng.IntN(40) {
		case 0:
			m.entries, m.records = append(m.entries, []byte("no record")), append(m.records, nil)
		case 1:
			if earlier := m.records[max(0, len(m.records)-1-rng.IntN(600)):]; len(earlier) > 0 && earlier[0] != nil {
				again := *earlier[0]
				again.ObservedTime = again.ObservedTime.Add(time.Second)
				again.Time = earlier[0].Time
				if rng.IntN(2) == 0 {
					again.Reason = "another one with this ID"
				}
				m.add(t, &again, rng)
			}
		}
		m.add(t, r, rng)
	}
	return m
}

// find returns the matches in order.
func (m *model) find(f query.Filter, first int) (found []*record.Record) {
	byID := map[audit.ID][]*record.Record{}
	for _, r := range m.records[first:] {
		if r == nil {
			continue
		}
		repeated := slices.ContainsFunc(byID[r.ID], func(o *record.Record) bool { return o.IsRetryOf(r) })
		byID[r.ID] = append(byID[r.ID], r)
		if !repeated && f.Matches(r) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b *record.Record) int {
		c := m.positions[a].Compare(m.positions[b])
		if !f.Ascending {
			c = -c
		}
		return c
	})
	if f.After != "" {
		after, _ := query.ParseCursor(f.After)
		found = slices.DeleteFunc(found, func(r *record.Record) bool {
			c := m.positions[r].Compare(after)
			return c <= 0 && f.Ascending || c >= 0 && !f.Ascending
		})
	}
	if f.Limit > 0 && len(found) > f.Limit {
		found = found[:f.Limit]
	}
	return found
}

// randomFilter returns a filter whose values some record has.
func (m *model) randomFilter(rng *rand.Rand) (f query.Filter) {
	var r *record.Record
	for r == nil {
		r = m.records[rng.IntN(len(m.records))]
	}
	f.Ascending = rng.IntN(2) == 0
	f.Limit = []int{0, 0, 1, 7, 100}[rng.IntN(5)]
	for range rng.IntN(4) {
		switch rng.IntN(13) {
		case 0:
			f.Actors = []audit.Actor{{ID: r.Actor.ID}}
		case 1:
			f.Targets = []audit.Target{{ID: r.Target.ID}}
		case 2:
			f.TargetTypes = []string{r.Target.Type}
		case 3:
			f.Tenants = []string{r.Tenant}
		case 4:
			f.Actions = []string{[]string{r.Action, "*.verb1", "th*", "nothing"}[rng.IntN(4)]}
		case 5:
			f.Outcomes = []audit.Outcome{r.Outcome}
		case 6:
			if r.TraceID.IsValid() {
				f.TraceIDs = []trace.TraceID{r.TraceID}
			}
		case 7:
			f.Since = r.Time
			f.Until = r.Time.Add(time.Duration(1+rng.IntN(1000)) * time.Second)
		case 8:
			f.Metadata = r.Metadata[:1+rng.IntN(len(r.Metadata))]
		case 9:
			f.Metadata = []attribute.KeyValue{{Key: "s"}}
		case 10:
			f.After = query.CursorOf(r)
		case 11:
			words := []string{"THING", "thing.verb2", "acme because", "odd", `"tenant"`, "e", "nothing", r.Target.ID, r.Action + " " + r.Tenant}
			f.Text = words[rng.IntN(len(words))]
		case 12:
			f.Reason = []string{"cause", "another ID", "BECAUSE"}[rng.IntN(3)]
		}
	}
	return f
}

// check compares answers with those of the model. The ledger has the entries from first on.
func (m *model) check(t *testing.T, reader query.Reader, f query.Filter, first int, mayFail bool) {
	t.Helper()
	var got []*record.Record
	for r, err := range reader.Find(t.Context(), f) {
		var invalid *ledgerquery.EntryError
		if err != nil {
			require.True(t, mayFail || errors.As(err, &invalid), "%v", err)
			continue
		}
		got = append(got, r)
	}
	want := m.find(f, first)
	require.Len(t, got, len(want), "%+v", f)
	for i := range want {
		require.Zero(t, m.positions[want[i]].Compare(query.PositionOf(got[i])), "%+v, record %d: %s, want %s", f, i, got[i].ID, want[i].ID)
	}
	n := 0
	for line, err := range query.Lines(t.Context(), reader, f) {
		if err != nil {
			continue
		}
		require.Less(t, n, len(want), "%+v", f)
		require.Zero(t, m.positions[want[n]].Compare(line.Position()), "%+v, line %d: %s, want %s", f, n, line.ID, want[n].ID)
		require.Equal(t, string(encode(t, got[n])[0]), line.JSON)
		n++
	}
	require.Equal(t, len(want), n)
}

// TestFindEqualsScan asks random questions of a ledger whose indexes are all there, partly
// missing, damaged, those of other segments, or absent. The answers are those of a plain scan.
func TestFindEqualsScan(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 12))
	m := newModel(t, rng, 1000)
	original := filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, original, m.entries)
	require.Greater(t, len(glob(t, original, "*.index")), 2)
	each := func(t *testing.T, dir, pattern string, change func(file string, data []byte) []byte) {
		t.Helper()
		for _, file := range glob(t, dir, pattern) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			if data = change(file, data); data == nil {
				require.NoError(t, os.Remove(file))
				continue
			}
			require.NoError(t, os.WriteFile(file, data, 0o600))
		}
	}
	filters := 60
	if sampled() {
		filters = 8
	}
	for name, change := range map[string]func(rng *rand.Rand, file string, data []byte) []byte{
		"all":     func(_ *rand.Rand, _ string, data []byte) []byte { return data },
		"none":    func(*rand.Rand, string, []byte) []byte { return nil },
		"missing": func(rng *rand.Rand, _ string, data []byte) []byte { return data[:len(data)*rng.IntN(2)] },
		"flipped": func(rng *rand.Rand, _ string, data []byte) []byte {
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
			return data
		},
		"swapped": func(_ *rand.Rand, file string, data []byte) []byte {
			other, _ := os.ReadFile(strings.Replace(file, "3.index", "4.index", 1))
			return append(other, data[:0]...)
		},
		"short": func(rng *rand.Rand, _ string, data []byte) []byte { return data[:rng.IntN(len(data))] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(13, uint64(len(name))))
			dir := filepath.Join(t.TempDir(), "ledger")
			require.NoError(t, os.CopyFS(dir, os.DirFS(original)))
			require.NoError(t, chmodAll(dir))
			each(t, dir, "*.index", func(file string, data []byte) []byte { return change(rng, file, data) })
			reader, err := ledgerquery.NewReader(dir)
			require.NoError(t, err)
			for i := range filters {
				m.check(t, reader, m.randomFilter(rng), 0, false)
				if i%10 == 9 { // begin anew
					reader, err = ledgerquery.NewReader(dir)
					require.NoError(t, err)
				}
			}
		})
	}
}

// TestEveryFlip changes bytes everywhere in an index, one after the other. New readers give the
// right answers. That a change of any byte is noticed is shown in package index.
func TestEveryFlip(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(14, 15))
	m := newModel(t, rng, 60)
	for i := range m.records {
		if m.records[i] != nil {
			m.records[i].Reason = strings.Repeat("x", 2000)
			m.entries[i] = encode(t, m.records[i])[0]
			m.positions[m.records[i]] = query.PositionOf(m.records[i])
		}
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	indexLedger(t, dir, m.entries)
	file := glob(t, dir, "*.index")[0]
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	step := 7 // a page has 4,096 bytes
	if sampled() {
		step = 1501
	}
	for at := 0; at < len(data); at += step {
		changed := bytes.Clone(data)
		changed[at] ^= 1 << rng.IntN(8)
		require.NoError(t, os.WriteFile(file, changed, 0o600))
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		f := m.randomFilter(rng)
		f.Limit = 0
		m.check(t, reader, f, 0, false)
	}
}
