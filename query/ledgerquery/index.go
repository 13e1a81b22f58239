package ledgerquery

import (
	"context"
	"errors"
	"hash/maphash"
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
	// maxSameID is the most different records with one ID of which a repetition is
	// recognized.
	maxSameID = 16
	// maxDamage is the most errors that are kept.
	maxDamage = 1000
)

// index is built from one pass over all entries.
type index struct {
	mu      sync.Mutex
	last    anchor // the last entry that was read
	known   snapshot
	checked int                   // how many places of damage were checked again
	seqs    map[audit.ID][]uint64 // sequence numbers of the newest entries; different ones with one ID
	recent  []audit.ID            // the keys of seqs, a ring buffer
	oldest  int                   // the place of the oldest key in it
}

// anchor identifies an entry. If it is no longer there, the ledger is not the one that was
// indexed.
type anchor struct {
	seq  uint64 // 0: none
	hash uint64 // of its data
}

var hashSeed = maphash.MakeSeed()

func hashOf(e ledger.Entry) uint64 { return maphash.Bytes(hashSeed, e.Data) }

// snapshot is the state of the index that one Find uses. A snapshot that was returned
// does not change.
type snapshot struct {
	blocks   []block
	repeated map[uint64]bool // entries whose record an earlier entry holds
	damage   []error
	tail     []error // damage after the last entry, which may still be written
}

// from returns a copy without what comes before the entry first, which retention has
// removed, and without the tail. The copy may change.
func (k snapshot) from(first uint64) snapshot {
	fresh := snapshot{repeated: maps.Clone(k.repeated)}
	maps.DeleteFunc(fresh.repeated, func(seq uint64, _ bool) bool { return seq < first })
	for _, b := range k.blocks {
		if b.last >= first {
			fresh.blocks = append(fresh.blocks, b)
		}
	}
	for _, err := range k.damage {
		if lastEntry(err) >= first {
			fresh.damage = append(fresh.damage, err)
		}
	}
	return fresh
}

// lastEntry returns the last entry that an error is about.
func lastEntry(err error) uint64 {
	if corrupt, ok := errors.AsType[*ledger.CorruptError](err); ok {
		return corrupt.Last
	}
	if entry, ok := errors.AsType[*EntryError](err); ok {
		return entry.Seq
	}
	return 0
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

// errChanged means that the ledger is not the one that was indexed.
var errChanged = errors.New("ledgerquery: the ledger keeps being replaced")

// update reads the entries added since the last call. If the ledger is not the one that
// was read then, it reads all.
func (x *index) update(ctx context.Context, l *ledger.Reader) (snapshot, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.extend(ctx, l)
	if errors.Is(err, errChanged) {
		x.last, x.known, x.seqs, x.recent, x.oldest = anchor{}, snapshot{}, nil, nil, 0
		err = x.extend(ctx, l)
	}
	return x.known, err
}

// extend reads the entries after the last one that was read. The error is errChanged if
// that one, or damage before it, is not what it was.
func (x *index) extend(ctx context.Context, l *ledger.Reader) error {
	if x.seqs == nil {
		x.seqs = map[audit.ID][]uint64{}
	}
	first, err := l.First()
	if err != nil {
		return err
	}
	x.known = x.known.from(first)
	if err := x.checkDamage(ctx, l); err != nil {
		return err
	}
	anchored := x.last.seq == 0
	for e, err := range l.Entries(ctx, max(x.last.seq, 1)) {
		corrupt, damaged := errors.AsType[*ledger.CorruptError](err)
		switch {
		case damaged && !anchored && corrupt.First != 0:
			return errChanged
		case damaged:
			x.known.tail = append(x.known.tail, err)
		case isLoss(err): // removed meanwhile
		case err != nil:
			return err
		case !anchored:
			if e.Seq != x.last.seq || hashOf(e) != x.last.hash {
				return errChanged
			}
			anchored = true
		default:
			if err := x.add(ctx, l, e); err != nil {
				return err
			}
		}
	}
	if !anchored {
		return errChanged
	}
	return nil
}

// maxChecks is the most places of damage that one update reads again.
const maxChecks = 16

// checkDamage reads damaged parts of the ledger again. The error is errChanged if one is
// damaged no longer.
func (x *index) checkDamage(ctx context.Context, l *ledger.Reader) error {
	for range min(maxChecks, len(x.known.damage)) {
		x.checked++
		known, ok := errors.AsType[*ledger.CorruptError](x.known.damage[x.checked%len(x.known.damage)])
		if !ok {
			continue
		}
		for _, err := range l.Entries(ctx, known.First) {
			found, damaged := errors.AsType[*ledger.CorruptError](err)
			if damaged && found.First == 0 {
				continue // the state
			}
			if err != nil && !damaged {
				return err
			}
			if !damaged || found.First != known.First || found.Last != known.Last {
				return errChanged
			}
			break
		}
	}
	return nil
}

// addDamage keeps an error, which every Find yields.
func (x *index) addDamage(errs ...error) {
	x.known.damage = append(x.known.damage, errs[:min(len(errs), maxDamage-len(x.known.damage))]...)
}

// add indexes the next entry.
func (x *index) add(ctx context.Context, l *ledger.Reader, e ledger.Entry) error {
	x.keepTail(e.Seq)
	r, ok := x.decode(e)
	if ok {
		repeated, err := x.isRepeated(ctx, l, r)
		if err != nil {
			return err
		}
		x.addTime(e.Seq, r.Time)
		if repeated {
			if x.known.repeated == nil {
				x.known.repeated = map[uint64]bool{}
			}
			x.known.repeated[e.Seq] = true
		} else {
			x.remember(r.ID, e.Seq)
		}
	}
	x.last = anchor{seq: e.Seq, hash: hashOf(e)}
	return nil
}

// keepTail keeps the damage before an entry.
func (x *index) keepTail(seq uint64) {
	for _, err := range x.known.tail {
		if corrupt, ok := errors.AsType[*ledger.CorruptError](err); ok && corrupt.Last != 0 && corrupt.Last < seq {
			x.addDamage(err)
		}
	}
	x.known.tail = slices.DeleteFunc(x.known.tail, func(err error) bool {
		corrupt, ok := errors.AsType[*ledger.CorruptError](err)
		return ok && corrupt.Last != 0
	})
}

// remember keeps the sequence number of a record, and forgets the oldest one.
func (x *index) remember(id audit.ID, seq uint64) {
	if len(x.seqs[id]) == 0 {
		if len(x.recent) < maxRecent {
			x.recent = append(x.recent, id)
		} else {
			delete(x.seqs, x.recent[x.oldest])
			x.recent[x.oldest] = id
			x.oldest = (x.oldest + 1) % maxRecent
		}
	}
	if len(x.seqs[id]) < maxSameID {
		x.seqs[id] = append(x.seqs[id], seq)
	}
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

// isRepeated reports whether an earlier entry holds the record, stored by an earlier
// attempt of the same Track.
func (x *index) isRepeated(ctx context.Context, l *ledger.Reader, r *record.Record) (bool, error) {
	for _, seq := range x.seqs[r.ID] {
		for e, err := range l.Entries(ctx, seq) {
			if isLoss(err) {
				continue
			}
			if err != nil {
				return false, err
			}
			var first record.Record
			if e.Seq == seq && first.UnmarshalJSON(e.Data) == nil && first.IsRetryOf(r) {
				return true, nil
			}
			break // another record, or removed by the retention
		}
	}
	return false, nil
}
