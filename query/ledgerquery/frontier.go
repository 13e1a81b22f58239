package ledgerquery

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/opendeed/audit/query/internal/index"
)

// frontier has everything that may still hold matches, ordered by the first match that it may
// hold: parts, the blocks of parts that were opened, and their entries. It reads only what may
// come next, so a search for the newest records stops early.
type frontier struct {
	search     *search
	conditions []index.Clause
	words      index.Words
	snapshot   *snapshot
	from, to   int64 // bounds of the times, in nanoseconds
	items      itemHeap
}

// item is a part, a block, or a block whose entries are known.
type item struct {
	key  int64 // of the first match that it may hold
	part *partSearch
	// block is the number of the block in the part; -1 for the part itself.
	block int
	// entries are the candidates of an opened block that are left, the first one last.
	entries []candidate
}

// partSearch is a part that is searched.
type partSearch struct {
	*part

	places  *index.Places // candidates; nil: all entries
	repeats map[int][]uint64
	left    int // if all blocks are read: how many were not
}

// candidate is an entry that may match, or a block of entries.
type candidate struct {
	key   int64
	part  *partSearch
	place int
	frame index.Frame  // of an entry
	block *index.Block // whose entries are read one after the other; place is that of the first
}

// size returns how many entries a candidate has.
func (c *candidate) size() int {
	if c.block != nil {
		return c.block.N
	}
	return 1
}

// newFrontier returns the frontier of a search that has returned nothing yet, in some parts of
// a snapshot.
func newFrontier(s *search, snap *snapshot, parts []*part) *frontier {
	f := &frontier{search: s, snapshot: snap, words: index.WordsOf(&s.Filter)}
	f.from, f.to = s.times()
	if len(snap.parts) > 0 {
		f.conditions = index.Clauses(&s.Filter, index.NewHasher(snap.parts[0].segment.Ledger))
	}
	for _, p := range parts {
		if p.newest >= f.from && p.oldest <= f.to {
			f.items = append(f.items, item{key: s.firstKey(p.oldest, p.newest), part: &partSearch{part: p}, block: -1})
		}
	}
	heap.Init(&f.items)
	return f
}

// first returns the key of the first match that may be left. ok is false if none is.
func (f *frontier) first() (key int64, ok bool) {
	if len(f.items) == 0 {
		return 0, false
	}
	return f.items[0].key, true
}

// badIndexError means that the index of a part cannot be used.
type badIndexError struct {
	part *part
	err  error
}

func (e *badIndexError) Error() string { return e.err.Error() }

// next returns the next candidate. ok is false if there is none. The error is a
// *badIndexError.
func (f *frontier) next() (c candidate, ok bool, err error) {
	for len(f.items) > 0 {
		top := &f.items[0]
		if top.entries == nil {
			opened := heap.Pop(&f.items).(item) //nolint:errcheck,forcetypeassert // the heap has items only
			switch {
			case opened.block < 0:
				err = f.openPart(opened.part)
			case f.scans(opened.part):
				c = candidate{key: opened.key, part: opened.part}
				if c.block, err = f.readBlock(opened.part, opened.block); err == nil {
					c.place = c.block.First
					return c, true, nil
				}
			default:
				err = f.openBlock(opened.part, opened.block)
			}
			if err != nil {
				return c, false, &badIndexError{opened.part.part, err}
			}
			continue
		}
		c = top.entries[len(top.entries)-1]
		top.entries = top.entries[:len(top.entries)-1]
		if len(top.entries) == 0 {
			heap.Pop(&f.items)
		} else {
			top.key = top.entries[len(top.entries)-1].key
			heap.Fix(&f.items, 0)
		}
		return c, true, nil
	}
	return c, false, nil
}

// openPart replaces a part by those of its blocks that may have matches.
func (f *frontier) openPart(p *partSearch) (err error) {
	giveWay()
	r := f.snapshot.indexOf(p.part)
	if p.places, err = p.Matching(r, f.conditions); err != nil || p.places != nil && p.places.Len() == 0 {
		return err
	}
	with, err := p.BlocksWith(r, f.words)
	if err != nil || with != nil && with.Len() == 0 {
		return err
	}
	if p.repeats, err = p.Repeats(r); err != nil {
		return err
	}
	blocks, err := p.Blocks(r)
	if err != nil {
		return err
	}
	if p.places == nil && with == nil {
		p.left = blocks
	}
	for i := range blocks {
		span := p.Span(i)
		if span.Newest < f.from || span.Oldest > f.to || p.places != nil && !p.places.Any(span.From, span.To) ||
			with != nil && !with.Any(i, i+1) {
			continue
		}
		heap.Push(&f.items, item{key: f.search.firstKey(span.Oldest, span.Newest), part: p, block: i})
	}
	return nil
}

// scans reports whether the search reads all entries of a block: since it wants all of them, or
// since their JSON rules out most of them, and the index few.
func (f *frontier) scans(p *partSearch) bool {
	if p.places == nil && f.search.Limit == 0 {
		return true
	}
	return f.search.scans && (p.places == nil || p.places.Len() > p.Len()/minScanned)
}

// If one of that many entries of an index may match, a search scans all of them.
const minScanned = 32

// readBlock reads a block of the index.
func (f *frontier) readBlock(p *partSearch, number int) (*index.Block, error) {
	b, err := p.Block(f.snapshot.indexOf(p.part), number)
	if p.left--; p.left == 0 && p.file != nil { // nobody needs all of it soon
		p.file.Forget()
	}
	return b, err
}

// openBlock replaces a block by its candidates.
func (f *frontier) openBlock(p *partSearch, number int) error {
	b, err := f.readBlock(p, number)
	if err != nil {
		return err
	}
	n := b.N
	if p.places != nil {
		n = min(n, p.places.Len())
	}
	entries := make([]candidate, 0, n)
	add := func(place int) {
		from, to, ok := b.Times(place)
		if !ok || to < f.from || from > f.to || err != nil {
			return
		}
		frame, ok := b.Frame(place)
		if !ok {
			err = index.ErrBad
		}
		entries = append(entries, candidate{key: f.search.firstKey(from, to), part: p, place: place, frame: frame})
	}
	if p.places != nil {
		p.places.Range(b.First, b.First+b.N, add)
	} else {
		for place := b.First; place < b.First+b.N; place++ {
			add(place)
		}
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	if entries[0].key < entries[len(entries)-1].key { // their times ascend, more or less
		slices.Reverse(entries)
	}
	byKey := func(a, b candidate) int { return cmp.Compare(b.key, a.key) }
	if !slices.IsSortedFunc(entries, byKey) {
		slices.SortFunc(entries, byKey)
	}
	heap.Push(&f.items, item{key: entries[len(entries)-1].key, part: p, block: number, entries: entries})
	return nil
}

// itemHeap implements heap.Interface.
type itemHeap []item

func (h itemHeap) Len() int           { return len(h) }
func (h itemHeap) Less(i, j int) bool { return h[i].key < h[j].key }
func (h itemHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *itemHeap) Push(x any)        { *h = append(*h, x.(item)) } //nolint:errcheck,forcetypeassert // as above

// Pop removes the last item.
func (h *itemHeap) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = item{}
	*h = (*h)[:len(*h)-1]
	return last
}
