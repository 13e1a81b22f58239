package ledgerquery

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// cacheSize is how much of the indexes is kept in memory, in bytes.
const cacheSize = 12 << 20

// known is what a Reader remembers of its ledger between searches.
type known struct {
	mu       sync.Mutex
	ledger   *ledger.Reader // closed; a search opens it again
	cache    *index.Cache
	recent   *index.Recent
	id       [16]byte // of the ledger
	segments []*knownSegment
	images   int // the size of the indexes in memory

	cacheDir  string // of CacheIndexes
	floor     uint64 // the oldest segment when it was cleaned
	badCached int    // how many indexes in it were bad
}

// maxAttempts limits how often a search starts again because the ledger changed meanwhile.
const maxAttempts = 100

// refresh reads what is new in the ledger, and returns a snapshot of it. If the search has
// terms, indexes are worth more than outlines.
func (k *known) refresh(ctx context.Context, terms bool) (*snapshot, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, err := k.ledger.Reopen()
	if err != nil {
		return nil, err
	}
	k.ledger = l
	s := &snapshot{ledger: l, cache: indexCache{root: k.cacheDir}}
	for attempt := 1; ; attempt++ {
		err := k.update(ctx, s, terms)
		if err == nil {
			return s, nil
		}
		if attempt == maxAttempts || !errors.Is(err, errChanged) && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, s.close())
		}
	}
}

// update reads what is new, and fills s.
func (k *known) update(ctx context.Context, s *snapshot, terms bool) error {
	segments, floor, err := s.ledger.Segments()
	if err != nil {
		return err
	}
	s.floor = floor
	k.follow(segments)
	k.followCache(s, segments)
	if err := k.findIndexes(ctx, s); err != nil {
		return err
	}
	s.parts, s.damage = nil, nil
	var tail []error
	expected := s.floor
	for _, seg := range k.segments {
		if seg.segment.First > expected {
			if err := findGap(ctx, s, expected, seg.segment); err != nil {
				return err
			}
			if k.recent.Next() == expected {
				k.recent.Skip(seg.segment.First)
			}
		}
		if err := k.read(ctx, s, seg); err != nil {
			return err
		}
		if err := k.cacheIndexes(ctx, s, seg); err != nil {
			return err
		}
		if terms {
			if err := k.indexInMemory(ctx, s.ledger, seg); err != nil {
				return err
			}
		}
		s.parts = append(s.parts, seg.allParts()...)
		s.damage = append(s.damage, seg.damage...)
		tail = append(tail, seg.tail...)
		expected = max(seg.segment.Next, seg.next())
	}
	s.damage = append(s.damage[:min(maxDamage, len(s.damage))], tail...)
	return nil
}

// follow makes the known segments those of the ledger. What is known of a segment that is
// still there stays.
func (k *known) follow(segments []ledger.Segment) {
	if len(segments) > 0 && (k.recent == nil || segments[0].Ledger != k.id) {
		k.id, k.segments, k.images = segments[0].Ledger, nil, 0
		k.recent, k.cache = index.NewRecent(k.id), index.NewCache(cacheSize)
	}
	old := map[uint64]*knownSegment{}
	for _, seg := range k.segments {
		old[seg.segment.Number] = seg
	}
	k.segments = nil
	for _, now := range segments {
		seg := old[now.Number]
		switch {
		case seg == nil || !continues(seg, now):
			seg = &knownSegment{segment: now}
		case seg.segment != now:
			seg.segment, seg.read = now, false
		}
		if seg == old[now.Number] {
			delete(old, now.Number)
		}
		k.segments = append(k.segments, seg)
	}
	for _, gone := range old {
		k.dropIndexes(gone)
	}
}

// dropIndexes forgets the indexes of a segment.
func (k *known) dropIndexes(seg *knownSegment) {
	for _, p := range seg.parts {
		k.cache.Forget(p.file)
		if p.image != nil {
			k.images -= p.image.Len()
		}
	}
	seg.parts = nil
}

// continues reports whether a segment may be what the known one has become.
func continues(k *knownSegment, now ledger.Segment) bool {
	was := k.segment
	if was == now {
		return true
	}
	return !was.Closed() && was.Ledger == now.Ledger && was.First == now.First && (now.Next == 0 || k.next() <= now.Next)
}

// read reads what is new in a segment.
func (k *known) read(ctx context.Context, s *snapshot, seg *knownSegment) error {
	if len(seg.damage) > 0 {
		repaired, err := seg.isRepaired(ctx, s.ledger)
		if err != nil {
			return err
		}
		if repaired {
			k.dropIndexes(seg)
			seg.forget()
		}
	}
	if seg.read {
		return nil
	}
	k.prepareRecent(ctx, s, seg)
	err := seg.scan(ctx, s.ledger, k.recent)
	if errors.Is(err, errChanged) {
		k.dropIndexes(seg)
		seg.forget()
	}
	return err
}

// prepareRecent sees that the IDs of the entries before the next one are known, unless
// indexes have them.
func (k *known) prepareRecent(ctx context.Context, s *snapshot, seg *knownSegment) {
	next := seg.next()
	if k.recent.Next() == next {
		return
	}
	from := max(s.floor, next-min(next, index.Window))
	needed := len(seg.runs) > 0
	for _, p := range s.parts {
		needed = needed || p.file == nil && p.next > from
	}
	if needed {
		k.recent.Load(from, next, s.ledger.Frames(ctx, from, next-1))
		k.recent.Skip(next)
	}
}

// findGap keeps the damage between the entry expected and a segment that begins later.
func findGap(ctx context.Context, s *snapshot, expected uint64, seg ledger.Segment) error {
	for _, err := range s.ledger.Frames(ctx, expected, expected) {
		corrupt, damaged := errors.AsType[*ledger.CorruptError](err)
		switch {
		case damaged && corrupt.First != 0 && corrupt.Last < seg.First:
			s.damage = append(s.damage, err)
		case damaged:
		case err != nil && !isLoss(err):
			return err
		}
	}
	return nil
}

// retryAfter is how long an index that was bad is not looked at again.
const retryAfter = time.Minute

// findIndexes opens the indexes of segments that have none yet.
func (k *known) findIndexes(ctx context.Context, s *snapshot) error {
	var sidecars map[uint64][]string
	for _, seg := range k.segments {
		if !seg.wantsIndex() {
			continue
		}
		if sidecars == nil {
			var err error
			if sidecars, err = s.ledger.Sidecars(); err != nil {
				return err
			}
		}
		names := sidecars[seg.segment.Number]
		if !slices.Contains(names, index.Name) || !k.openIndex(ctx, s, seg) {
			k.openPieces(ctx, s.ledger, seg, names)
		}
		if len(seg.parts) == 0 && seg.last.Size == 0 && !seg.badCache {
			k.openCached(ctx, s, seg)
		}
	}
	return nil
}

// openIndex opens the index of a closed segment. If it cannot be used, the entries are read.
func (k *known) openIndex(ctx context.Context, s *snapshot, seg *knownSegment) (ok bool) {
	if !seg.segment.Closed() {
		return false
	}
	f, err := s.sidecar(sidecarKey{segment: seg.segment.Number, name: index.Name}) // the search needs it soon
	if err != nil {
		return false // removed meanwhile, or not allowed
	}
	opened, err := index.Open(f, seg.segment.Ledger, seg.segment.Number, k.cache)
	if err != nil || !isIndexOf(opened, seg.segment) {
		seg.rejected = time.Now()
		return false
	}
	k.adopt(ctx, s.ledger, seg, index.Input{File: opened, R: f}, index.Name)
	seg.read = true
	return true
}

// openPieces opens the pieces of a segment that has none yet, if they cover much.
func (k *known) openPieces(ctx context.Context, l *ledger.Reader, seg *knownSegment, names []string) {
	p := openPieces(seg.segment, names, files{l.OpenSidecar, l.Resume}, k.cache)
	defer p.release()
	if len(p.inputs) == 0 || p.end < seg.last.Offset/2 {
		return
	}
	k.adoptPieces(ctx, l, seg, p.inputs, false)
}

// adoptPieces replaces what is known of a segment by pieces of its index, the first one of which
// begins with the segment.
func (k *known) adoptPieces(ctx context.Context, l *ledger.Reader, seg *knownSegment, inputs []index.Input, cached bool) {
	for i, in := range inputs {
		k.adopt(ctx, l, seg, in, index.PieceName(i+1))
		seg.parts[i].cached, seg.last = cached, in.Last()
	}
}

// adopt replaces what is known of a segment by an index, or adds the next piece.
func (k *known) adopt(ctx context.Context, l *ledger.Reader, seg *knownSegment, in index.Input, name string) {
	if in.First == seg.segment.First {
		k.dropIndexes(seg)
		seg.forget()
	}
	invalid, err := in.Invalid(in.R)
	if err != nil {
		invalid = nil // the entries are found to be invalid when they are read
	}
	seg.parts = append(seg.parts, newFilePart(seg.segment, in.File, name, nil))
	for _, place := range invalid[:min(maxDamage, len(invalid))] {
		seq := in.First + uint64(place)
		for e, err := range l.Entries(ctx, seq) {
			if err == nil && e.Seq == seq {
				seg.addDamage(entryError(e))
			}
			break
		}
	}
}

// isIndexOf reports whether an index covers a closed segment as it is.
func isIndexOf(f *index.File, s ledger.Segment) bool {
	return f.First == s.First && f.Next == s.Next && f.End <= s.End && f.Seal == s.Sealed.UnixNano()
}

// reject reads the entries of a part whose index is bad from now on. A piece that is gone was
// replaced by the index of its segment.
func (k *known) reject(p *part, why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, seg := range k.segments {
		if slices.Contains(seg.parts, p) {
			k.dropIndexes(seg)
			seg.forget()
			switch {
			case p.cached:
				k.badCached++
				seg.badCache = true // until others are made
			case !errors.Is(why, fs.ErrNotExist):
				seg.rejected = time.Now()
			}
		}
	}
}
