package retention

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Report says what an apply did.
type Report struct {
	// Log is that of the Plan.
	Log string `json:"log"`
	// Archives are the names of the archives that were created or found, and verified.
	Archives []string `json:"archives"`
	// Removed are the segments that were removed, or the batches of a collection.
	Removed []Segment `json:"removed"`
	// Stays is the segment that stays at the beginning of the ledger, with the reasons, or
	// what a collection still has of records that are past their time.
	Stays *Segment `json:"stays,omitempty"`
	// Expired are the archives that were removed.
	Expired []Expiry `json:"expired"`
}

// RemoveFunc removes the oldest segments of a ledger whose entries all come before the entry
// seq, and returns the sequence number of the oldest entry that is left. With zero it removes
// nothing, and returns an error if it never could. It is the method RemoveBefore of a
// ledger.Ledger, or calls that of an sdk.TrackerProvider.
type RemoveFunc func(seq uint64) (first uint64, err error)

// ErrNotRemoved means that a ledger did not remove a segment: something that nobody can see
// from outside needs it, such as an exporter that is new.
var ErrNotRemoved = errors.New("retention: the ledger did not remove the segment; try again later")

// ApplyLedger removes the oldest segments of the ledger of r, as the policy says, and archives
// that are past their time. It continues segment by segment: it creates an archive for each class
// whose records are kept longer, reads it back, verifies and records it; then it records an
// attempt, removes the segment, and records the result. Holds are read again right before.
//
// It may run beside the writer of the ledger if remove belongs to that writer. It may be killed
// at any time, and repeated. Two should not run at the same time: they would do the same twice.
// The report is valid after an error too.
//
// The actions of the events are semconv.ActionTrailArchive and semconv.ActionTrailRemove.
func ApplyLedger(ctx context.Context, r *ledger.Reader, remove RemoveFunc, o Options) (*Report, error) {
	report := &Report{}
	if err := o.validate(true); err != nil {
		return report, err
	}
	w, err := newLedgerWork(r, &o)
	if err != nil {
		return report, err
	}
	report.Log = w.log
	if _, err := remove(0); err != nil {
		return report, err
	}
	for _, s := range w.segments {
		removed, err := w.apply(ctx, &o, s, remove, report)
		if err != nil {
			return report, err
		}
		if !removed {
			break
		}
	}
	return report, applyExpiries(ctx, &o, report)
}

// apply removes a segment, unless something keeps it.
func (w *ledgerWork) apply(ctx context.Context, o *Options, s ledger.Segment, remove RemoveFunc, report *Report) (removed bool, err error) {
	for {
		d, err := newDecider(ctx, o)
		if err != nil {
			return false, err
		}
		segment, err := w.examine(ctx, o, d, s)
		if err != nil {
			return false, err
		}
		if !segment.Remove {
			report.Stays = segment
			return false, nil
		}
		names, err := w.archiveClasses(ctx, o, d, s, segment)
		report.Archives = append(report.Archives, names...)
		if err != nil {
			return false, err
		}
		now, err := loadHolds(ctx, o.Store)
		if err != nil {
			return false, err
		}
		if !now.same(d.holds) {
			continue // a hold was placed or lifted meanwhile
		}
		if err := w.remove(ctx, o, segment, names, remove); err != nil {
			return false, err
		}
		report.Removed = append(report.Removed, *segment)
		return true, nil
	}
}

// archiveClasses archives the records of a segment that are kept longer, and returns the names
// of the archives.
func (w *ledgerWork) archiveClasses(ctx context.Context, o *Options, d *decider, s ledger.Segment, segment *Segment) (names []string, err error) {
	for _, c := range segment.Classes {
		if c.Archive == 0 {
			continue
		}
		meta := archive.Meta{Log: w.log, Policy: o.Policy.ID(), First: segment.First, Last: segment.Last, Missing: segment.missing()}
		if c.Rule != unclassified {
			meta.Class = c.Rule
		}
		a, err := keepIn(ctx, o.Store, meta, c.Archive, w.archived(ctx, d, s, c.Rule))
		if err != nil {
			return names, err
		}
		if err := trackArchive(ctx, o, a); err != nil {
			return names, err
		}
		names = append(names, a.Manifest().Name)
	}
	return names, nil
}

// keepIn returns a verified archive that has the entries, of which there are n: one that an
// apply which was killed has left, or a new one.
func keepIn(ctx context.Context, store archive.Store, meta archive.Meta, n int64, entries iter.Seq2[archive.Entry, error]) (*archive.Archive, error) {
	for object, err := range store.List(ctx, meta.Prefix()) {
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(object.Name, archiveSuffix) {
			continue
		}
		a, err := archive.Open(ctx, store, object.Name)
		if err == nil {
			if m := a.Manifest(); m.Log != meta.Log || m.Class != meta.Class || m.First != meta.First || m.Last != meta.Last {
				continue
			}
			err = a.Verify(ctx)
		}
		if _, corrupt := errors.AsType[*archive.CorruptError](err); corrupt {
			continue
		}
		if err != nil {
			return nil, err
		}
		if has, err := contains(ctx, a, entries); err != nil || has {
			return a, err
		}
	}
	a, err := archive.Create(ctx, store, meta, entries)
	if err == nil && a.Manifest().Entries != n {
		err = fmt.Errorf("retention: %s has %d entries instead of %d; the store changed meanwhile, try again", a.Manifest().Name, a.Manifest().Entries, n)
	}
	return a, err
}

// contains reports whether an archive has all entries.
func contains(ctx context.Context, a *archive.Archive, entries iter.Seq2[archive.Entry, error]) (bool, error) {
	next, stop := iter.Pull2(a.Entries(ctx))
	defer stop()
	for want, err := range entries {
		if err != nil {
			return false, err
		}
		for {
			got, err, ok := next()
			if err != nil {
				return false, err
			}
			if !ok || got.Seq > want.Seq {
				return false, nil
			}
			if got.Seq == want.Seq {
				if !bytes.Equal(got.Data, want.Data) {
					return false, nil
				}
				break
			}
		}
	}
	return true, nil
}

// trackArchive records that an archive was verified.
func trackArchive(ctx context.Context, o *Options, a *archive.Archive) error {
	m := a.Manifest()
	metadata := []attribute.KeyValue{
		semconv.TrailLogKey.String(m.Log),
		semconv.RetentionPolicyKey.String(m.Policy),
		semconv.TrailRecordsKey.Int64(m.Entries),
		semconv.TrailSHA256Key.String(m.Hash.String()),
	}
	if m.Class != "" {
		metadata = append(metadata, semconv.RetentionRuleKey.String(m.Class))
	}
	if m.First != 0 {
		metadata = append(metadata, semconv.TrailFirstKey.Int64(int64(m.First)), semconv.TrailLastKey.Int64(int64(m.Last)))
	}
	return o.Tracker.Track(ctx, audit.Event{
		Action: semconv.ActionTrailArchive, Operation: audit.OperationCreate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: archiveType, ID: m.Name}, Reason: o.Reason, Metadata: metadata,
	})
}

// remove removes a segment between two records: that of the attempt, and that of its result.
func (w *ledgerWork) remove(ctx context.Context, o *Options, s *Segment, archives []string, remove RemoveFunc) error {
	event := removal(o, logType, w.log, s, archives)
	event.Metadata = append(event.Metadata, semconv.TrailFirstKey.Int64(int64(s.First)), semconv.TrailLastKey.Int64(int64(s.Last)))
	if s.Damaged > 0 {
		event.Metadata = append(event.Metadata, semconv.RetentionDamagedKey.Int64(s.Damaged), semconv.RetentionGapsKey.StringSlice(gapTexts(s.Gaps)))
	}
	return audit.Do(ctx, o.Tracker, event, func(context.Context) error {
		first, err := remove(s.Last + 1)
		if err == nil && first <= s.Last {
			err = ErrNotRemoved
		}
		return err
	})
}

// maxGaps is how many gaps an event lists.
const maxGaps = 100

// gapTexts returns the ranges of the gaps, and how many more there are.
func gapTexts(all []Gap) []string {
	var texts []string
	for _, g := range all[:min(len(all), maxGaps)] {
		texts = append(texts, fmt.Sprintf("%d-%d", g.First, g.Last))
	}
	if len(all) > maxGaps {
		texts = append(texts, fmt.Sprintf("and %d more", len(all)-maxGaps))
	}
	return texts
}

// removal returns the event of removing a segment or a batch.
func removal(o *Options, targetType, target string, s *Segment, archives []string) audit.Event {
	var removed []string
	total := int64(0)
	for _, c := range s.Classes {
		total += c.Records
		if c.Remove > 0 {
			removed = append(removed, fmt.Sprintf("%s: %d", c.Rule, c.Remove))
		}
	}
	metadata := []attribute.KeyValue{semconv.RetentionPolicyKey.String(o.Policy.ID()), semconv.TrailRecordsKey.Int64(total)}
	if len(removed) > 0 {
		metadata = append(metadata, semconv.RetentionRemovedKey.StringSlice(removed))
	}
	if len(archives) > 0 {
		metadata = append(metadata, semconv.RetentionArchivesKey.StringSlice(archives))
	}
	return audit.Event{
		Action: semconv.ActionTrailRemove, Operation: audit.OperationDelete,
		Target: audit.Target{Type: targetType, ID: target}, Reason: o.Reason, Metadata: metadata,
	}
}

// applyExpiries removes the archives that are past their time.
func applyExpiries(ctx context.Context, o *Options, report *Report) error {
	d, err := newDecider(ctx, o)
	if err != nil {
		return err
	}
	for e, err := range expiries(ctx, d, o, report.Log) {
		if err != nil {
			return err
		}
		if !e.Remove {
			continue
		}
		now, err := loadHolds(ctx, o.Store)
		if err != nil {
			return err
		}
		if !now.same(d.holds) { // begin again
			return applyExpiries(ctx, o, report)
		}
		event := audit.Event{
			Action: semconv.ActionTrailRemove, Operation: audit.OperationDelete, Target: audit.Target{Type: archiveType, ID: e.Name}, Reason: o.Reason,
			Metadata: []attribute.KeyValue{
				semconv.RetentionPolicyKey.String(o.Policy.ID()), semconv.RetentionRuleKey.String(e.Rule), semconv.TrailRecordsKey.Int64(e.Entries),
			},
		}
		if err := audit.Do(ctx, o.Tracker, event, func(ctx context.Context) error { return o.Store.Delete(ctx, e.Name) }); err != nil {
			return err
		}
		report.Expired = append(report.Expired, e)
	}
	return nil
}
