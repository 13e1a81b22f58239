package ledgerquery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opendeed/audit/query/internal/index"
)

// The sizes of the batches in which candidates are read, in entries: the first one, which may
// suffice, and the others.
const (
	firstBatch = 64
	minBatch   = 8
	maxBatch   = 2048
)

// finding is a search under way.
type finding struct {
	search   *search
	fetcher  fetcher
	frontier *frontier
	ready    []match // matches that were read, in order
	left     int     // how many more the filter allows
	last     *match  // the last one that was yielded
	yield    func(*match, error) bool
}

// errStopped means that the caller of Find has stopped iterating.
var errStopped = errors.New("stopped")

// find yields the matches in some parts of a snapshot. If the error is a *badIndexError, the
// search is that for the matches which were not yielded.
func find(ctx context.Context, s *search, snap *snapshot, parts []*part, yield func(*match, error) bool) error {
	f := &finding{search: s, frontier: newFrontier(s, snap, parts), left: s.Limit, yield: yield}
	defer f.advance()
	f.fetcher = fetcher{search: s, snapshot: snap}
	if len(snap.parts) > 0 {
		f.fetcher.hasher = index.NewHasher(snap.parts[0].segment.Ledger)
	}
	if s.Limit == 0 {
		f.left = math.MaxInt
	}
	for size := min(max(f.left, 1), firstBatch); ; {
		if err := f.yieldReady(); err != nil || f.left == 0 {
			return err
		}
		batch, err := f.nextBatch(size)
		if err != nil {
			return err
		}
		if len(batch) == 0 && len(f.ready) == 0 {
			return ctx.Err()
		}
		result := f.fetcher.fetch(ctx, batch)
		if result.err != nil {
			return result.err
		}
		for _, err := range result.damage {
			if !yield(nil, fmt.Errorf("ledgerquery: %w", err)) {
				return errStopped
			}
		}
		f.add(result.matches)
		size = f.nextSize(size, len(result.matches))
	}
}

// nextSize returns the size of the batch after one, of which some entries matched. Where most do,
// it does not have many more than the filter allows.
func (f *finding) nextSize(size, matched int) int {
	next := min(2*size, maxBatch)
	if missing := f.left - len(f.ready); matched > size/2 {
		next = min(next, max(missing, minBatch))
	}
	return next
}

// advance makes the search that for the matches after the last one that was yielded.
func (f *finding) advance() {
	if f.last == nil {
		return
	}
	position := f.last.position()
	f.search.after = &position
	if f.search.Limit > 0 {
		f.search.Limit = f.left
	}
}

// nextBatch returns the next candidates, of about size entries.
func (f *finding) nextBatch(size int) ([]candidate, error) {
	var b batch
	for !b.isFull(size) {
		c, ok, err := f.frontier.next()
		if err != nil || !ok {
			return b.candidates, err
		}
		b.add(c)
	}
	return b.candidates, nil
}

// yieldReady yields the matches that nothing left can precede.
func (f *finding) yieldReady() error {
	for len(f.ready) > 0 && f.left > 0 {
		m := &f.ready[0]
		if first, ok := f.frontier.first(); ok && first <= f.search.key(index.Nanoseconds(m.Time)) {
			return nil
		}
		f.ready = f.ready[1:]
		if f.search.Limit > 0 {
			f.left--
		}
		f.last = m
		if !f.yield(m, nil) {
			return errStopped
		}
	}
	return nil
}

// add adds matches to those that were read.
func (f *finding) add(matches []match) {
	if len(f.ready) > 0 {
		matches = append(slices.Clone(f.ready), matches...)
	}
	slices.SortFunc(matches, f.search.compare)
	f.ready = matches
}
