package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// stretchSize is how many entries a stretch has.
const stretchSize = 1024

// stretch says which times a run of entries has.
type stretch struct {
	first, last    uint64
	oldest, newest time.Time
}

func (st *stretch) mayMatch(s *search) bool {
	switch {
	case !s.Since.IsZero() && st.newest.Before(s.Since),
		!s.Until.IsZero() && !st.oldest.Before(s.Until),
		s.after != nil && s.Ascending && st.newest.Before(s.after.time),
		s.after != nil && !s.Ascending && st.oldest.After(s.after.time):
		return false
	}
	return true
}

// isBehind reports whether all of the stretch comes behind p.
func (st *stretch) isBehind(s *search, p place) bool {
	if s.Ascending {
		return st.oldest.After(p.time)
	}
	return st.newest.Before(p.time)
}

// index remembers what reading all entries once has shown.
type index struct {
	mu     sync.Mutex
	next   uint64 // the first entry that was not read
	known  snapshot
	seen   map[audit.ID]uint64 // of the newest entries, by id
	recent []audit.ID          // the keys of seen, a ring
}

// snapshot is what one Find goes by. It is not changed once it was handed out.
type snapshot struct {
	stretches []stretch
	hidden    map[uint64]bool // entries that repeat an earlier one
	damage    []error
}

const (
	// maxSeen is how far back a repeated record is recognised, in entries.
	maxSeen = 1 << 16
	// maxDamage is how many errors are told of.
	maxDamage = 1000
)

// extend reads what was added since the last call.
func (x *index) extend(ctx context.Context, src source) (snapshot, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seen == nil {
		x.seen, x.next = map[audit.ID]uint64{}, 1
	}
	// What was handed out before stays as it is.
	x.known = snapshot{slices.Clone(x.known.stretches), maps.Clone(x.known.hidden), slices.Clip(x.known.damage)}
	for e, err := range src.Entries(ctx, x.next) {
		if corrupt, is := errors.AsType[*ledger.CorruptError](err); is {
			x.report(err)
			x.next = max(x.next, corrupt.Last+1)
			continue
		}
		if err == nil {
			err = x.add(ctx, src, e)
		}
		if err != nil {
			return snapshot{}, err
		}
		x.next = e.Seq + 1
	}
	return x.known, nil
}

// report keeps an error for every Find.
func (x *index) report(err error) {
	if len(x.known.damage) < maxDamage {
		x.known.damage = append(x.known.damage, err)
	}
}

// add takes the next entry in.
func (x *index) add(ctx context.Context, src source, e ledger.Entry) error {
	var r record.Record
	if !x.read(e, &r) {
		return nil
	}
	x.addTime(e.Seq, r.Time)
	if before, seen := x.seen[r.ID]; seen {
		repeats, err := isRepetition(ctx, src, before, &r)
		if repeats {
			if x.known.hidden == nil {
				x.known.hidden = map[uint64]bool{}
			}
			x.known.hidden[e.Seq] = true
		}
		return err
	}
	if len(x.recent) < maxSeen {
		x.recent = append(x.recent, r.ID)
	} else {
		place := e.Seq % maxSeen
		delete(x.seen, x.recent[place])
		x.recent[place] = r.ID
	}
	x.seen[r.ID] = e.Seq
	return nil
}

// read reads the entry's record, or reports that it is none.
func (x *index) read(e ledger.Entry, r *record.Record) bool {
	err := r.UnmarshalJSON(e.Data)
	if err != nil {
		x.report(&EntryError{Seq: e.Seq, Err: err})
	}
	return err == nil
}

// addTime puts the entry into the last stretch, or a new one.
func (x *index) addTime(seq uint64, t time.Time) {
	n := len(x.known.stretches)
	if n == 0 || seq >= x.known.stretches[n-1].first+stretchSize {
		x.known.stretches = append(x.known.stretches, stretch{first: seq, last: seq, oldest: t, newest: t})
		return
	}
	last := &x.known.stretches[n-1]
	last.last = seq
	if t.Before(last.oldest) {
		last.oldest = t
	}
	if t.After(last.newest) {
		last.newest = t
	}
}

// isRepetition reports whether the entry at seq holds the same record, stored when its
// Track was tried the first time.
func isRepetition(ctx context.Context, src source, seq uint64, r *record.Record) (bool, error) {
	for e, err := range src.Entries(ctx, seq) {
		if isDamage(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		var first record.Record
		return e.Seq == seq && first.UnmarshalJSON(e.Data) == nil && first.IsRetryOf(r), nil
	}
	return false, nil // it was removed
}

func isDamage(err error) bool {
	_, is := errors.AsType[*ledger.CorruptError](err)
	return is
}

// EntryError says that an entry of a ledger is no record.
type EntryError struct {
	// Seq is its sequence number.
	Seq uint64
	// Err says what is wrong with it.
	Err error
}

// Error returns a sentence for logs.
func (e *EntryError) Error() string {
	return fmt.Sprintf("entry %d is no record: %v", e.Seq, e.Err)
}

// Unwrap returns what is wrong with the entry.
func (e *EntryError) Unwrap() error { return e.Err }
