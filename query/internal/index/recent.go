package index

import (
	"iter"
	"slices"

	"github.com/opendeed/audit/sdk/ledger"
)

// Window is the number of entries within which a repeated record is recognized, at least.
const Window = 1 << 16

// maxSameID is the most entries with one ID of which a repetition is recognized.
const maxSameID = 16

// Recent knows the IDs of the newest entries, at least Window of them and at most twice as
// many. It outlives the builders that use it one after the other.
type Recent struct {
	hasher          Hasher
	from, next      uint64 // the entries that it knows
	currentFrom     uint64 // the first one of current
	current, older  *seqTable
	same, olderSame map[uint64][]uint64 // of IDs that several entries have, all but the newest

	terms, sorting []uint64 // memory for the next Builder
}

// NewRecent returns an empty Recent for a ledger.
func NewRecent(ledger [16]byte) *Recent { return &Recent{hasher: NewHasher(ledger)} }

// Next returns the sequence number after the last entry that is known.
func (r *Recent) Next() uint64 { return r.next }

// Load forgets what is known, and adds the IDs of frames, of which the first holds the entry
// from, up to before another entry. What cannot be read is skipped, unless the error ends the sequence.
func (r *Recent) Load(from, before uint64, frames iter.Seq2[ledger.Frame, error]) {
	r.reset(from)
	x := newExtractor(r.hasher, false)
	for f, err := range frames {
		if err != nil {
			continue
		}
		for e := range f.All() {
			if e.Seq < from || e.Seq >= before {
				continue
			}
			if x.entry(e.Data) {
				r.add(x.id, e.Seq)
			} else {
				r.skip(e.Seq)
			}
		}
	}
}

// Skip passes lost entries, up to before the entry first.
func (r *Recent) Skip(first uint64) { r.next = max(r.next, first) }

func (r *Recent) reset(first uint64) {
	*r = Recent{hasher: r.hasher, from: first, next: first, currentFrom: first, terms: r.terms, sorting: r.sorting}
}

// startAt prepares for the entry first, and returns the first entry that is known. Unless
// first follows the last entry that was added, what is known is forgotten.
func (r *Recent) startAt(first uint64) uint64 {
	if r.next != first {
		r.reset(first)
	}
	return r.from
}

// skip passes an entry without an ID.
func (r *Recent) skip(seq uint64) {
	r.next = seq + 1
	if seq >= r.currentFrom+Window || r.current == nil {
		spare := r.older
		r.older, r.current, r.from = r.current, spare.cleared(), r.currentFrom
		r.currentFrom, r.same, r.olderSame = seq, map[uint64][]uint64{}, r.same
	}
}

// add adds an entry, and returns the earlier ones with the same ID. The slice does not
// change.
func (r *Recent) add(id []byte, seq uint64) (earlier []uint64) {
	r.skip(seq)
	key := r.hasher.add(r.hasher.a, id)
	last, found := r.current.set(key, seq)
	if !found {
		last, found = r.older.get(key)
	}
	if !found {
		return nil
	}
	same, found := r.same[key]
	if !found {
		same = r.olderSame[key]
	}
	if len(same) < maxSameID {
		same = append(slices.Clip(same), last)
		r.same[key] = same
	}
	return same
}
