package ledgerquery

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/record"
)

// The sizes of the batches in which candidates are read: the first one, which may suffice,
// and the others, in entries and about in bytes.
const (
	firstBatch    = 32
	maxBatch      = 2048
	maxBatchBytes = 4 << 20
)

// finding is a search under way.
type finding struct {
	search   *search
	fetcher  fetcher
	frontier *frontier
	ready    readyHeap      // matches that were read
	left     int            // how many more the filter allows
	last     *record.Record // the last one that was yielded
	yield    func(*record.Record, error) bool
}

// errStopped means that the caller of Find has stopped iterating.
var errStopped = errors.New("stopped")

// find yields the matches in a snapshot. If the error is a *badIndexError, the search is that
// for the matches which were not yielded.
func find(ctx context.Context, s *search, snap *snapshot, yield func(*record.Record, error) bool) error {
	f := &finding{search: s, frontier: newFrontier(s, snap), left: s.Limit, yield: yield}
	defer f.advance()
	f.fetcher = fetcher{search: s, snapshot: snap}
	f.ready.search = s
	if len(snap.parts) > 0 {
		f.fetcher.hasher = index.NewHasher(snap.parts[0].segment.Ledger)
	}
	if s.Limit == 0 {
		f.left = math.MaxInt
	}
	for size := min(max(f.left, 1), firstBatch); ; size = min(2*size, maxBatch) {
		if err := f.yieldReady(); err != nil || f.left == 0 {
			return err
		}
		batch, err := f.nextBatch(size)
		if err != nil {
			return err
		}
		if len(batch) == 0 && len(f.ready.records) == 0 {
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
		for _, r := range result.records {
			heap.Push(&f.ready, r)
		}
	}
}

// advance makes the search that for the matches after the last one that was yielded.
func (f *finding) advance() {
	if f.last == nil {
		return
	}
	position := query.PositionOf(f.last)
	f.search.after = &position
	if f.search.Limit > 0 {
		f.search.Limit = f.left
	}
}

// nextBatch returns the next candidates, at most size of them.
func (f *finding) nextBatch(size int) (batch []candidate, err error) {
	for bytes := int64(0); len(batch) < size && bytes < maxBatchBytes; {
		c, ok, err := f.frontier.next()
		if err != nil || !ok {
			return batch, err
		}
		if len(batch) == 0 || c.frame != batch[len(batch)-1].frame {
			bytes += c.frame.Size
		}
		batch = append(batch, c)
	}
	return batch, nil
}

// yieldReady yields the matches that nothing left can precede.
func (f *finding) yieldReady() error {
	for len(f.ready.records) > 0 && f.left > 0 {
		r := f.ready.records[0]
		if first, ok := f.frontier.first(); ok && first <= f.search.key(index.Nanoseconds(r.Time)) {
			return nil
		}
		heap.Pop(&f.ready)
		if f.search.Limit > 0 {
			f.left--
		}
		f.last = r
		if !f.yield(r, nil) {
			return errStopped
		}
	}
	return nil
}

// readyHeap implements heap.Interface. It has the first record first.
type readyHeap struct {
	search  *search
	records []*record.Record
}

func (h *readyHeap) Len() int           { return len(h.records) }
func (h *readyHeap) Less(i, j int) bool { return h.search.compare(h.records[i], h.records[j]) < 0 }
func (h *readyHeap) Swap(i, j int)      { h.records[i], h.records[j] = h.records[j], h.records[i] }
func (h *readyHeap) Push(x any)         { h.records = append(h.records, x.(*record.Record)) } //nolint:errcheck,forcetypeassert // it has records only

// Pop removes the last record.
func (h *readyHeap) Pop() any {
	last := h.records[len(h.records)-1]
	h.records[len(h.records)-1] = nil
	h.records = h.records[:len(h.records)-1]
	return last
}
