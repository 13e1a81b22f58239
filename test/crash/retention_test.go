package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// archivesBeside returns the directory of the archives of a ledger.
func archivesBeside(dir string) string { return filepath.Join(filepath.Dir(dir), "archives") }

// applyRetention tracks events, applies a policy by which all of them may leave the ledger, and
// reports which events were acknowledged.
func applyRetention(c *child) error {
	c.report(opening)
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(c.dir, ledger.WithSegmentSize(ledger.MinSegmentSize)))
	if err != nil {
		return err
	}
	store, err := archive.CreateDir(archivesBeside(c.dir))
	if err != nil {
		return err
	}
	policy, err := retention.NewPolicy(
		retention.Rule{Name: "docs", Actions: []string{"doc.*"}, ArchiveAfter: retention.Day},
		retention.Rule{Name: "views", Actions: []string{"view.*"}, ArchiveAfter: retention.Day, Keep: 2 * retention.Day},
		retention.Rule{Name: "trail", Actions: []string{"audit.*"}, ArchiveAfter: retention.Day},
	)
	if err != nil {
		return err
	}
	reader, err := ledger.OpenReader(c.dir)
	if err != nil {
		return err
	}
	ctx := audit.ContextWithActor(context.Background(), audit.System("crash"))
	tracker := p.Tracker("crash")
	hold := retention.Hold{Name: "held", Filter: query.Filter{Tenants: []string{"held"}}, Reason: "a test"}
	if err := retention.Place(ctx, store, tracker, hold); err != nil {
		return err
	}
	options := retention.Options{
		Policy: policy, Store: store, Tracker: tracker,
		Now: func() time.Time { return time.Now().Add(10 * retention.Day) },
	}
	life := time.Duration(rand.Int64N(int64(200 * time.Millisecond)))
	remove := func(seq uint64) (uint64, error) { return p.RemoveBefore(c.dir, seq) }
	for start := time.Now(); ; {
		for range 20 {
			if err := trackOne(ctx, c, tracker); err != nil {
				return err
			}
		}
		if _, err := retention.ApplyLedger(ctx, reader, remove, options); err != nil {
			return err
		}
		if finishing() || time.Since(start) > life {
			break
		}
	}
	c.report(closing)
	return errors.Join(p.Shutdown(ctx), reader.Close(), store.Close())
}

// trackOne tracks an event that must be kept, or one that need not be.
func trackOne(ctx context.Context, c *child, t audit.Tracker) error {
	event := audit.Event{
		ID: audit.NewID(), Action: "doc.edit", Outcome: audit.OutcomeSuccess,
		Metadata: []attribute.KeyValue{attribute.String("padding", strings.Repeat("x", 6000))},
	}
	word := "kept"
	switch rand.IntN(3) {
	case 0:
		event.Action, word = "view.page", "free"
	case 1:
		event.Action, event.Tenant = "view.page", "held"
	}
	if err := t.Track(ctx, event); err != nil {
		return err
	}
	c.report("%s %s", word, event.ID)
	return nil
}

// TestKilledRetention checks that every record is in the ledger, or in one verified archive, or
// need not be kept; and that records say so of every entry that has left the ledger.
func TestKilledRetention(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "retention")
	tracked := map[string]string{}
	onLine := func(words []string) { tracked[words[1]] = words[0] }
	h.finish(t, onLine)
	for start := time.Now(); time.Since(start) < crashTime(t); {
		h.kill(t, onLine)
	}
	h.finish(t, onLine)

	left := &leftBehind{place: map[string]string{}, archived: map[uint64]bool{}, archives: map[string]bool{}, removals: map[int64]*record.Record{}}
	first := left.readLedger(t, h.dir)
	left.readArchives(t, archivesBeside(h.dir))
	free := 0
	for id, word := range tracked {
		switch place := left.place[id]; {
		case word == "kept":
			require.NotEmpty(t, place, "%s was acknowledged and is nowhere", id)
		case place == "":
			free++
		default:
			require.Equal(t, "ledger", place, "%s is past its time", id)
		}
	}
	require.NotZero(t, free)
	left.checkRemovals(t, first)
	t.Logf("%d runs, killed %s; %d events acknowledged, %d archives, %d removals, %d records removed",
		h.runs, h.killed(), len(tracked), len(left.archives), len(left.removals), free)
}

// leftBehind is what the processes have left.
type leftBehind struct {
	place    map[string]string // by the ID of a record: the ledger, or an archive
	archived map[uint64]bool   // by sequence number
	archives map[string]bool   // by name; true if a record says that it was verified
	removals map[int64]*record.Record
	verified []string
}

func (l *leftBehind) add(t *testing.T, r *record.Record, place string) {
	t.Helper()
	id := r.ID.String()
	if r.Action != semconv.ActionHoldPlace { // every process records it, as the same event
		require.Empty(t, l.place[id], "%s is in two places", id)
	}
	l.place[id] = place
	switch {
	case r.Action == semconv.ActionTrailArchive:
		l.verified = append(l.verified, r.Target.ID)
	case r.Action == semconv.ActionTrailRemove && r.BeginsAttempt():
		l.removals[metadata(r, semconv.TrailFirstKey).AsInt64()] = r // tried again after a kill, it says the same
	}
}

func metadata(r *record.Record, key attribute.Key) attribute.Value {
	for _, kv := range r.Metadata {
		if kv.Key == key {
			return kv.Value
		}
	}
	return attribute.Value{}
}

// readLedger returns the sequence number of the oldest entry.
func (l *leftBehind) readLedger(t *testing.T, dir string) (first uint64) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		var found record.Record
		require.NoError(t, found.UnmarshalJSON(e.Data))
		l.add(t, &found, "ledger")
	}
	first, err = r.First()
	require.NoError(t, err)
	return first
}

func (l *leftBehind) readArchives(t *testing.T, dir string) {
	t.Helper()
	store, err := archive.OpenDir(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	for o, err := range store.List(t.Context(), "") {
		require.NoError(t, err)
		if !strings.HasSuffix(o.Name, ".zst") {
			continue
		}
		a, err := archive.Open(t.Context(), store, o.Name)
		require.NoError(t, err)
		require.NoError(t, a.Verify(t.Context()))
		l.archives[o.Name] = false
		for e, err := range a.Entries(t.Context()) {
			require.NoError(t, err)
			r, err := e.Record()
			require.NoError(t, err)
			l.add(t, r, o.Name)
			l.archived[e.Seq] = true
		}
	}
}

// checkRemovals checks that records account for every entry before the first one that is left.
func (l *leftBehind) checkRemovals(t *testing.T, first uint64) {
	t.Helper()
	for _, name := range l.verified {
		l.archives[name] = true
	}
	for name, verified := range l.archives {
		require.True(t, verified, "no record says that %s was verified", name)
	}
	for next := uint64(1); next < first; {
		r := l.removals[int64(next)]
		require.NotNil(t, r, "no record says that entry %d was removed", next)
		last := uint64(metadata(r, semconv.TrailLastKey).AsInt64())
		archived := 0
		for seq := next; seq <= last; seq++ {
			if l.archived[seq] {
				archived++
			}
		}
		removed := 0
		for _, text := range metadata(r, semconv.RetentionRemovedKey).AsStringSlice() {
			_, err := fmt.Sscanf(text, "views: %d", &removed)
			require.NoError(t, err)
		}
		require.EqualValues(t, last-next+1, archived+removed, "entries %d to %d", next, last)
		next = last + 1
	}
}
