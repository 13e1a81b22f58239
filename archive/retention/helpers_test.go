package retention_test

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// rec describes a record: its action, its tenant and its day since the epoch.
type rec struct {
	action, tenant string
	day            int
}

// newRecord returns the n-th record. Some ten of them fill a segment of the smallest size.
func newRecord(n int, r rec) *record.Record {
	at := epoch.AddDate(0, 0, r.day).Add(time.Duration(n) * time.Millisecond)
	id := audit.ID{0: 1, 6: 0x70, 8: 0x80}
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return &record.Record{
		Event: audit.Event{
			ID: id, Time: at, Action: r.action, Actor: audit.User("42"), Outcome: audit.OutcomeSuccess, Tenant: r.tenant,
			Target:   audit.Target{Type: strings.SplitN(r.action, ".", 2)[0], ID: "1"},
			Metadata: []attribute.KeyValue{attribute.String("padding", strings.Repeat("x", 6000))},
		},
		ObservedTime: at,
	}
}

// world is a ledger, a store, and a recorder of what an apply does.
type world struct {
	dir      string
	ledger   *ledger.Ledger
	reader   *ledger.Reader
	store    *archive.Dir
	recorder *audittest.Recorder
	ctx      context.Context //nolint:containedctx // that of the test, with an actor
}

func newWorld(t *testing.T, records ...*record.Record) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Hour), ledger.WithScrub(0))
	require.NoError(t, err)
	w := &world{dir: dir, ledger: l, store: newStore(t), recorder: audittest.NewRecorder(t)}
	w.add(t, records...)
	w.ctx = audit.ContextWithActor(t.Context(), audit.System("retention"))
	w.reader, err = ledger.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.reader.Close())
		require.NoError(t, w.ledger.Close())
	})
	return w
}

// add appends records to the ledger.
func (w *world) add(t *testing.T, records ...*record.Record) {
	t.Helper()
	for _, r := range records {
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		_, err = w.ledger.Append(t.Context(), b)
		require.NoError(t, err)
	}
	require.NoError(t, w.ledger.Sync())
}

func newStore(t *testing.T) *archive.Dir {
	t.Helper()
	store, err := archive.CreateDir(filepath.Join(t.TempDir(), "archives"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// at returns the options for a day since the epoch.
func (w *world) at(p *retention.Policy, day int) retention.Options {
	return retention.Options{
		Policy: p, Store: w.store, Tracker: w.recorder.Tracker("test"),
		Now: func() time.Time { return epoch.AddDate(0, 0, day) },
	}
}

// kept returns the places of the records in the ledger.
func (w *world) kept(t *testing.T) map[audit.ID]string {
	t.Helper()
	found := map[audit.ID]string{}
	for e, err := range w.reader.Entries(t.Context(), 0) {
		require.NoError(t, err)
		var r record.Record
		if r.UnmarshalJSON(e.Data) == nil {
			found[r.ID] = "ledger"
		}
	}
	return found
}

// archived returns the class of each record in an archive, and verifies all archives.
func (w *world) archived(t *testing.T) map[audit.ID]string {
	t.Helper()
	found := map[audit.ID]string{}
	for o, err := range w.store.List(t.Context(), "") {
		require.NoError(t, err)
		if !strings.HasSuffix(o.Name, ".zst") {
			continue
		}
		a, err := archive.Open(t.Context(), w.store, o.Name)
		require.NoError(t, err)
		require.NoError(t, a.Verify(t.Context()))
		for e, err := range a.Entries(t.Context()) {
			require.NoError(t, err)
			r, err := e.Record()
			if err != nil {
				continue
			}
			require.NotContains(t, found, r.ID, "a record is in one archive")
			require.NotZero(t, e.Seq)
			found[r.ID] = a.Manifest().Class
		}
	}
	return found
}

// events returns how many records the recorder has of each action and outcome.
func (w *world) events() map[string]int {
	count := map[string]int{}
	for _, r := range w.recorder.Records() {
		count[r.Action+" "+r.Outcome.String()]++
	}
	return count
}

func newPolicy(t *testing.T, rules ...retention.Rule) *retention.Policy {
	t.Helper()
	p, err := retention.NewPolicy(rules...)
	require.NoError(t, err)
	return p
}

// many returns n records.
func many(first, n int, r rec) []*record.Record {
	records := make([]*record.Record, n)
	for i := range records {
		records[i] = newRecord(first+i, r)
	}
	return records
}
