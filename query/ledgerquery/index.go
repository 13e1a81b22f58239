package ledgerquery

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

const (
	// maxRecent is the number of entries within which a repeated record is recognized.
	maxRecent = 1 << 16
	// maxDamage is the most errors that are kept.
	maxDamage = 1000
)

// index is built from one pass over all entries.
type index struct {
	mu     sync.Mutex
	next   uint64 // the first entry not read yet
	known  snapshot
	seqs   map[audit.ID]uint64 // sequence numbers of the newest entries
	recent []audit.ID          // the keys of seqs, a ring buffer
}

// snapshot is the state of the index that one Find uses. A snapshot that was returned
// does not change.
type snapshot struct {
	blocks   []block
	repeated map[uint64]bool // entries whose record an earlier entry holds
	damage   []error
}

// candidates returns the blocks that may hold matches, those with the first matches
// first.
func (k snapshot) candidates(s *search) []block {
	var blocks []block
	for _, b := range k.blocks {
		if b.mayMatch(s) {
			blocks = append(blocks, b)
		}
	}
	sortBlocks(blocks, s.Ascending)
	return blocks
}

// update reads the entries added since the last call.
func (x *index) update(ctx context.Context, src source) (snapshot, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seqs == nil {
		x.seqs, x.next = map[audit.ID]uint64{}, 1
	}
	// Earlier snapshots must not change.
	x.known = snapshot{slices.Clone(x.known.blocks), maps.Clone(x.known.repeated), slices.Clip(x.known.damage)}
	for e, err := range src.Entries(ctx, x.next) {
		if corrupt, ok := errors.AsType[*ledger.CorruptError](err); ok {
			x.addDamage(err)
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

// addDamage keeps an error, which every Find yields.
func (x *index) addDamage(err error) {
	if len(x.known.damage) < maxDamage {
		x.known.damage = append(x.known.damage, err)
	}
}

// add indexes the next entry.
func (x *index) add(ctx context.Context, src source, e ledger.Entry) error {
	r, ok := x.decode(e)
	if !ok {
		return nil
	}
	x.addTime(e.Seq, r.Time)
	if earlier, ok := x.seqs[r.ID]; ok {
		repeated, err := isRepeated(ctx, src, earlier, r)
		if repeated {
			if x.known.repeated == nil {
				x.known.repeated = map[uint64]bool{}
			}
			x.known.repeated[e.Seq] = true
		}
		return err
	}
	if len(x.recent) < maxRecent {
		x.recent = append(x.recent, r.ID)
	} else {
		slot := e.Seq % maxRecent
		delete(x.seqs, x.recent[slot])
		x.recent[slot] = r.ID
	}
	x.seqs[r.ID] = e.Seq
	return nil
}

// decode returns the record of an entry. If it is invalid, ok is false and the error is
// added to the damage.
func (x *index) decode(e ledger.Entry) (r *record.Record, ok bool) {
	r = new(record.Record)
	err := r.UnmarshalJSON(e.Data)
	if err != nil {
		x.addDamage(&EntryError{Seq: e.Seq, Err: err})
	}
	return r, err == nil
}

// addTime adds an entry to the last block, or to a new one if that is full.
func (x *index) addTime(seq uint64, t time.Time) {
	if n := len(x.known.blocks); n > 0 && seq < x.known.blocks[n-1].first+blockSize {
		x.known.blocks[n-1].add(seq, t)
		return
	}
	x.known.blocks = append(x.known.blocks, block{first: seq, last: seq, oldest: t, newest: t})
}

// isRepeated reports whether the entry at seq holds the record r, stored by an earlier
// attempt of the same Track.
func isRepeated(ctx context.Context, src source, seq uint64, r *record.Record) (bool, error) {
	for e, err := range src.Entries(ctx, seq) {
		if isCorrupt(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		var first record.Record
		return e.Seq == seq && first.UnmarshalJSON(e.Data) == nil && first.IsRetryOf(r), nil
	}
	return false, nil // removed by the retention
}
