package custody_test

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/custody"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/mod/sumdb/note"
)

// trail is a sealed ledger with a retention policy.
type trail struct {
	t         *testing.T
	dir, temp string
	key       *seal.Key
	store     *archive.Dir
	provider  *sdk.TrackerProvider
	policy    *retention.Policy
	ctx       context.Context //nolint:containedctx // that of the test, with an actor
}

func newTrail(t *testing.T) *trail {
	t.Helper()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	store, err := archive.CreateDir(filepath.Join(temp, "archives"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	policy, err := retention.NewPolicy(
		retention.Rule{Name: "logins", Actions: []string{"user.*"}, Keep: 10 * retention.Day},
		retention.Rule{Name: "rest", Keep: 1000 * retention.Day, ArchiveAfter: 5 * retention.Day},
	)
	require.NoError(t, err)
	f := &trail{t: t, dir: filepath.Join(temp, "ledger"), temp: temp, key: key, store: store, policy: policy}
	f.ctx = audit.ContextWithActor(t.Context(), audit.System("retention"))
	f.open()
	return f
}

func (f *trail) open() {
	f.t.Helper()
	provider, err := sdk.NewTrackerProvider(
		sdk.WithLedger(f.dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithScrub(0)),
		sdk.WithSeal(f.key, seal.WithAnchor(seal.AnchorFile(filepath.Join(f.temp, "anchor"))), seal.WithInterval(10*time.Millisecond)))
	require.NoError(f.t, err)
	f.provider = provider
}

func (f *trail) close() {
	f.t.Helper()
	require.NoError(f.t, f.provider.Shutdown(context.WithoutCancel(f.ctx)))
}

// add tracks events of two classes. Some ten of them fill a segment.
func (f *trail) add(n int) {
	f.t.Helper()
	tracker := f.provider.Tracker("test")
	for i := range n {
		action := "invoice.pay"
		if i%3 == 0 {
			action = "user.login"
		}
		require.NoError(f.t, tracker.Track(f.ctx, audit.Event{Action: action, Outcome: audit.OutcomeSuccess, Metadata: []attribute.KeyValue{attribute.String("padding", strings.Repeat("x", 5000))}}))
	}
}

func (f *trail) reader() *ledger.Reader {
	f.t.Helper()
	r, err := ledger.OpenReader(f.dir)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = r.Close() })
	return r
}

// apply applies the policy so many days from now. Between restarts everything is sealed.
func (f *trail) apply(days int, tracker audit.Tracker, change ...func(*retention.Options)) *retention.Report {
	f.t.Helper()
	if tracker == nil {
		tracker = f.provider.Tracker("retention")
	}
	remove := func(seq uint64) (uint64, error) { return f.provider.RemoveBefore(f.dir, seq) }
	o := retention.Options{
		Policy: f.policy, Store: f.store, Tracker: tracker, Reason: "every quarter",
		Now: func() time.Time { return time.Now().Add(time.Duration(days) * 24 * time.Hour) },
	}
	for _, c := range change {
		c(&o)
	}
	report, err := retention.ApplyLedger(f.ctx, f.reader(), remove, o)
	require.NoError(f.t, err)
	return report
}

// reopen seals everything, so that segments can leave.
func (f *trail) reopen() {
	f.t.Helper()
	f.close()
	f.open()
}

func (f *trail) verify(change ...func(*custody.Options)) *custody.Report {
	f.t.Helper()
	held, err := os.ReadFile(filepath.Join(f.temp, "anchor"))
	require.NoError(f.t, err)
	o := custody.Options{Seal: seal.VerifyOptions{Keys: []note.Verifier{f.key.Verifier()}, Held: held}, Store: f.store}
	for _, c := range change {
		c(&o)
	}
	report, err := custody.Verify(f.t.Context(), f.reader(), o)
	require.NoError(f.t, err)
	return report
}

func noStore(o *custody.Options) { o.Store = nil }

// TestRemoval removes segments by a policy, twice. The report names each removal, and no finding
// is about them.
func TestRemoval(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	removed := f.apply(20, nil).Removed
	require.NotEmpty(t, removed)
	check := func(change ...func(*custody.Options)) *custody.Report {
		report := f.verify(change...)
		require.Empty(t, report.Findings)
		require.Len(t, report.Removals, len(removed))
		for i, r := range report.Removals {
			require.Equal(t, removed[i].First, r.First)
			require.Equal(t, removed[i].Last, r.Last)
			require.Equal(t, "system/retention", r.Actor)
			require.Equal(t, "every quarter", r.Reason)
			require.Equal(t, audit.OutcomeSuccess, r.Outcome)
			require.EqualValues(t, r.Last-r.First+1, r.Records)
			require.NotEmpty(t, r.Archives)
			require.Equal(t, f.policy.ID(), r.Policy)
		}
		require.Equal(t, removed[len(removed)-1].Last+1, report.First)
		return report
	}
	f.reopen()
	check(noStore)
	check()

	// The segments with the records of these removals leave too.
	f.add(20)
	f.reopen()
	removed = append(removed, f.apply(20, nil).Removed...)
	f.close()
	report := check()
	require.NotEmpty(t, report.Removals[0].In, "its record is in an archive")
	require.Len(t, report.Archives, len(removed))
	for _, a := range report.Archives {
		require.Equal(t, a.Entries, a.Proved)
	}
	report = f.verify(noStore)
	require.Len(t, report.Findings, 1)
	require.Contains(t, report.Findings[0].Detail, "an archive may have it")
}

// TestDeletedByHand removes a segment without a record of it. A removal of later ones by the
// policy does not account for it.
func TestDeletedByHand(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	first, err := f.provider.RemoveBefore(f.dir, 10)
	require.NoError(t, err)
	require.Greater(t, first, uint64(1))
	require.NotEmpty(t, f.apply(20, nil).Removed)
	f.close()
	report := f.verify()
	require.Len(t, report.Findings, 1)
	finding := report.Findings[0]
	require.Equal(t, seal.Finding{Kind: seal.Missing, First: 1, Last: first - 1, Detail: finding.Detail}, finding)
	require.Contains(t, finding.Detail, "no sealed record")

	report = f.verify(func(o *custody.Options) { o.Seal.From = first })
	require.Empty(t, report.Findings, "the auditor knows of them")
}

// TestForgedRemoval puts the record of a removal into a ledger after the last checkpoint. It
// accounts for nothing.
func TestForgedRemoval(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	first, err := f.provider.RemoveBefore(f.dir, 25)
	require.NoError(t, err)
	id, err := f.reader().ID()
	require.NoError(t, err)
	f.close()
	l, err := sdk.NewTrackerProvider(sdk.WithLedger(f.dir, ledger.WithScrub(0))) // without the key
	require.NoError(t, err)
	event := audit.Event{
		Action: "audit.trail.remove", Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "audit.ledger", ID: hex.EncodeToString(id[:])},
		Metadata: []attribute.KeyValue{attribute.Int64("audit.trail.first", 1), attribute.Int64("audit.trail.last", int64(first-1))},
	}
	require.NoError(t, l.Tracker("forged").Track(f.ctx, event))
	require.NoError(t, l.Shutdown(f.ctx))
	report := f.verify()
	require.Empty(t, report.Removals)
	require.Len(t, report.Findings, 1)
	require.Equal(t, first-1, report.Findings[0].Last)

	// The same record, sealed.
	f.open()
	f.close()
	report = f.verify(noStore)
	require.Len(t, report.Removals, 1)
	require.Empty(t, report.Findings)
}

// TestRecordedElsewhere records the removals in another ledger, as a command does.
func TestRecordedElsewhere(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	looks := filepath.Join(f.temp, "looks")
	other, err := sdk.NewTrackerProvider(sdk.WithLedger(looks, ledger.WithScrub(0)))
	require.NoError(t, err)
	require.NotEmpty(t, f.apply(20, other.Tracker("deed")).Removed)
	require.NoError(t, other.Shutdown(f.ctx))
	f.close()
	require.NotEmpty(t, f.verify().Findings)

	r, err := ledger.OpenReader(looks)
	require.NoError(t, err)
	defer r.Close()
	with := func(o *custody.Options) { o.Recorded = []*ledger.Reader{r} }
	require.NotEmpty(t, f.verify(with).Findings, "it is not sealed")
	other, err = sdk.NewTrackerProvider(sdk.WithLedger(looks, ledger.WithScrub(0)), sdk.WithSeal(f.key))
	require.NoError(t, err)
	require.NoError(t, other.Shutdown(f.ctx))
	report := f.verify(with)
	require.Empty(t, report.Findings)
	require.Equal(t, looks, report.Removals[0].In)
}

// TestGivenUp: entries that could not be read are no finding once somebody has given them up, and
// the report names them.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	file, err := os.OpenFile(filepath.Join(f.dir, "000000000001.segment"), os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("damage"), 20_000)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Empty(t, f.apply(20, nil).Removed)
	require.NotEmpty(t, f.apply(20, nil, func(o *retention.Options) { o.DropDamaged = map[uint64]int64{1: 1} }).Removed)
	f.reopen()
	f.close()
	report := f.verify()
	require.Empty(t, report.Findings)
	require.EqualValues(t, 1, report.Removals[0].Damaged)
	require.Len(t, report.Removals[0].Gaps, 1)
}

// TestArchives alters archives by hand in each way.
func TestArchives(t *testing.T) {
	t.Parallel()
	f := newTrail(t)
	f.add(30)
	f.reopen()
	require.NotEmpty(t, f.apply(20, nil).Removed)
	f.reopen()
	f.close()
	report := f.verify()
	require.Empty(t, report.Findings)
	target := report.Archives[0]
	a, err := archive.Open(t.Context(), f.store, target.Name)
	require.NoError(t, err)
	meta := a.Manifest().Meta
	var entries []archive.Entry
	for e, err := range a.Entries(t.Context()) {
		require.NoError(t, err)
		entries = append(entries, archive.Entry{Seq: e.Seq, Data: []byte(string(e.Data))})
	}
	require.Greater(t, len(entries), 3)
	require.NoError(t, f.store.Delete(t.Context(), target.Name))
	report = f.verify()
	require.Len(t, report.Findings, 1)
	require.Contains(t, report.Findings[0].Detail, target.Name+" is missing")
	require.Equal(t, target.First, report.Findings[0].First)

	victim := rand.IntN(len(entries) - 1)
	for name, edit := range map[string]struct {
		do   func([]archive.Entry) []archive.Entry
		want []seal.Kind
	}{
		"unchanged": {do: func(all []archive.Entry) []archive.Entry { return all }},
		"left out": {
			do:   func(all []archive.Entry) []archive.Entry { return append(all[:victim:victim], all[victim+1:]...) },
			want: []seal.Kind{seal.Missing},
		},
		"changed": {
			do: func(all []archive.Entry) []archive.Entry {
				all = append([]archive.Entry{}, all...)
				all[victim].Data = []byte(strings.Replace(string(all[victim].Data), `"retention"`, `"mallory"`, 1))
				return all
			},
			want: []seal.Kind{seal.Missing, seal.Changed},
		},
		"renumbered": {
			do: func(all []archive.Entry) []archive.Entry {
				all = append([]archive.Entry{}, all...)
				all[victim].Data, all[victim+1].Data = all[victim+1].Data, all[victim].Data
				return all
			},
			want: []seal.Kind{seal.Missing, seal.Changed, seal.Changed},
		},
	} {
		created, err := archive.Create(t.Context(), f.store, meta, func(yield func(archive.Entry, error) bool) {
			for _, e := range edit.do(entries) {
				if !yield(e, nil) {
					return
				}
			}
		})
		require.NoError(t, err)
		var kinds []seal.Kind
		for _, finding := range f.verify().Findings {
			kinds = append(kinds, finding.Kind)
		}
		require.ElementsMatch(t, edit.want, kinds, name)
		require.NoError(t, f.store.Delete(t.Context(), created.Manifest().Name))
	}
}
