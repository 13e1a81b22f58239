package ledgerquery

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"time"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// knownSegment is what a Reader remembers of a segment.
type knownSegment struct {
	segment  ledger.Segment
	parts    []*part          // that have an index
	runs     []*index.Builder // outlines of the entries after those; entries between two runs, if any, are lost
	last     ledger.Frame     // the last frame that was read
	read     bool             // all of a closed segment was read
	rejected time.Time        // when its index was found to be bad
	badCache bool             // its cached indexes are bad
	asked    int              // how many searches had to read entries that an index could rule out
	checked  int              // how many places of damage were checked again

	damage []error
	tail   []error // damage after the last entry, which may still be written
}

// next returns the sequence number of the first entry that is not known.
func (k *knownSegment) next() uint64 {
	switch {
	case len(k.runs) > 0:
		return k.runs[len(k.runs)-1].Next()
	case len(k.parts) > 0:
		return k.parts[len(k.parts)-1].next
	}
	return k.segment.First
}

// isIndexed reports whether an index covers the whole segment.
func (k *knownSegment) isIndexed() bool { return len(k.parts) > 0 && k.next() == k.segment.Next }

// wantsIndex reports whether an index, or pieces of one, would save work.
func (k *knownSegment) wantsIndex() bool {
	if time.Since(k.rejected) < retryAfter {
		return false
	}
	if k.segment.Closed() {
		return !k.isIndexed() || len(k.parts) > 1
	}
	covered := int64(0)
	if len(k.parts) > 0 {
		covered = k.parts[len(k.parts)-1].file.End
	}
	return k.last.Size == 0 || k.last.Offset-covered > 2*pieceBytes
}

// forget forgets what was read, so that it is read again.
func (k *knownSegment) forget() {
	*k = knownSegment{segment: k.segment}
}

// allParts returns the parts that are known now.
func (k *knownSegment) allParts() []*part {
	parts := slices.Clip(k.parts)
	for _, run := range k.runs {
		if run.Len() > 0 {
			parts = append(parts, newOutlinePart(k.segment, run.View()))
		}
	}
	return parts
}

// errChanged means that the ledger is not the one that was read before.
var errChanged = errors.New("the ledger keeps being replaced")

// scan reads the entries that are not known. The error is errChanged if what was read before
// is no longer there, and matches fs.ErrNotExist if retention has removed the segment.
func (k *knownSegment) scan(ctx context.Context, l *ledger.Reader, recent *index.Recent) error {
	if k.read {
		return nil
	}
	if k.last.Size > 0 {
		if !l.Resume(k.last) {
			return errChanged
		}
		if more, err := k.hasMore(l); err != nil || !more && len(k.tail) == 0 {
			return err
		}
	}
	to := uint64(math.MaxUint64)
	if k.segment.Next != 0 {
		to = k.segment.Next - 1
	}
	var pending []error // damage before the next frame
	for f, err := range l.Frames(ctx, k.next(), to) {
		if _, removed := errors.AsType[*ledger.RemovedError](err); removed {
			return fs.ErrNotExist
		}
		switch {
		case isLoss(err):
			pending = append(pending, err)
		case err != nil:
			return err
		case f.Segment != k.segment.Number:
			k.tail = pending
			return nil // a new one; the next search reads it
		default:
			for _, err := range pending {
				if corrupt, ok := errors.AsType[*ledger.CorruptError](err); ok && corrupt.Last != 0 && corrupt.Last < f.First+uint64(f.Entries) {
					k.addDamage(err)
				}
			}
			pending = slices.DeleteFunc(pending, func(err error) bool { return !isOfState(err) })
			k.add(f, recent)
		}
	}
	if k.read = k.segment.Closed(); k.read {
		k.addDamage(slices.DeleteFunc(pending, isOfState)...)
		pending = nil
	}
	k.tail = pending
	return nil
}

// isOfState reports whether an error is about the state of the ledger, not about entries.
func isOfState(err error) bool {
	corrupt, ok := errors.AsType[*ledger.CorruptError](err)
	return ok && corrupt.First == 0
}

// hasMore reports whether something follows the last frame.
func (k *knownSegment) hasMore(l *ledger.Reader) (bool, error) {
	if k.segment.Next != 0 {
		return k.next() < k.segment.Next || k.segment.Closed(), nil
	}
	f, err := l.OpenSegment(k.segment)
	if err != nil {
		return false, err
	}
	return f.HasMore(k.last.Offset + k.last.Size), f.Close()
}

// maxRun is the number of entries from which on an outline takes no further frames.
const maxRun = 1 << 17

// add adds the next frame to the outline.
func (k *knownSegment) add(f ledger.Frame, recent *index.Recent) {
	next := k.next()
	if f.First > next || len(k.runs) == 0 || k.runs[len(k.runs)-1].Len() >= maxRun {
		if recent.Next() == next {
			recent.Skip(f.First)
		}
		k.runs = append(k.runs, index.NewBuilder(k.segment.Ledger, max(f.First, next), recent, false))
	}
	run := k.runs[len(k.runs)-1]
	known := len(run.Invalid())
	run.AddFrame(f)
	if invalid := run.Invalid()[known:]; len(invalid) > 0 {
		for e := range f.All() {
			for _, place := range invalid {
				if e.Seq == run.First+uint64(place) {
					k.addDamage(entryError(e))
				}
			}
		}
	}
	k.last = f.WithoutEntries()
}

// entryError returns why an entry is no record, or nil.
func entryError(e ledger.Entry) error {
	if err := new(record.Record).UnmarshalJSON(e.Data); err != nil {
		return &EntryError{Seq: e.Seq, Err: err}
	}
	return nil
}

// maxDamage is the most errors that are kept of a segment.
const maxDamage = 1000

// addDamage keeps errors that every search yields.
func (k *knownSegment) addDamage(errs ...error) {
	for _, err := range errs {
		if err != nil && len(k.damage) < maxDamage {
			k.damage = append(k.damage, err)
		}
	}
}

// maxChecks is the most places of damage that one search reads again.
const maxChecks = 16

// isRepaired reports whether a part of the segment that was damaged is damaged no longer.
func (k *knownSegment) isRepaired(ctx context.Context, l *ledger.Reader) (bool, error) {
	for range min(maxChecks, len(k.damage)) {
		k.checked++
		known, ok := errors.AsType[*ledger.CorruptError](k.damage[k.checked%len(k.damage)])
		if !ok {
			continue
		}
		for _, err := range l.Frames(ctx, known.First, known.First) {
			found, damaged := errors.AsType[*ledger.CorruptError](err)
			if damaged && found.First == 0 {
				continue // the state
			}
			if err != nil && !damaged {
				return false, err
			}
			if !damaged || found.First != known.First || found.Last != known.Last {
				return true, nil
			}
			break
		}
	}
	return false, nil
}
