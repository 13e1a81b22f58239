package seal

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"

	"github.com/opendeed/audit/sdk/ledger"
)

// batch is consecutive leaves of a ledger, all in one tile.
type batch struct {
	tile  int64  // the number of the tile on level 0
	data  []byte // of the entries, one after the other, with a zero byte before each
	ends  []int  // where each ends in data
	items []item
	err   error // reading has failed; there are no more batches

	full bool // the items are the whole tile
	hash Hash // of the whole tile
	done chan struct{}
}

// typicalLeaf is the size of a leaf for which a batch has room at first, in bytes.
const typicalLeaf = 1 << 10

// hashLedger reads the entries of a ledger from one on, and calls use with their leaves, in
// order. Entries in a gap are not leaves: it calls inGap with them. One goroutine reads, and calls
// see, if it is not nil, with each entry; as many as there are processors hash.
func hashLedger(ctx context.Context, r *ledger.Reader, from uint64, g gaps, see func(seq uint64, data []byte), inGap func(seq uint64), use func(*batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	work, ordered := make(chan *batch, 2*workers), make(chan *batch, 4*workers)
	free := make(chan *batch, 4*workers) // to be used again
	var group sync.WaitGroup
	group.Go(func() {
		defer close(work)
		defer close(ordered)
		read := ledgerBatches{gaps: g, see: see, inGap: inGap, free: free, emit: func(b *batch) bool {
			select {
			case ordered <- b:
			case <-ctx.Done():
				return false
			}
			if b.err == nil {
				work <- b
			}
			return true
		}}
		read.run(ctx, r, from)
	})
	for range workers {
		group.Go(func() {
			for b := range work {
				b.hashAll()
				close(b.done)
			}
		})
	}
	var err error
	for b := range ordered {
		if err == nil && b.err != nil {
			err = b.err
		}
		if err == nil {
			<-b.done
			if err = use(b); err == nil {
				select {
				case free <- b:
				default:
				}
				continue
			}
		}
		cancel()
	}
	cancel()
	group.Wait()
	return err
}

// hashAll hashes the leaves.
func (b *batch) hashAll() {
	h := newLeafHasher()
	start := 0
	for i, end := range b.ends {
		if end > start { // gaps have their hash already
			h.digest.Reset()
			_, _ = h.digest.Write(b.data[start:end])
			h.digest.Sum(b.items[i].hash[:0])
		}
		start = end
	}
	if b.full = len(b.items) == tileWidth; b.full {
		b.hash = hashSubtree(b.hashes())
	}
}

// hashes returns the hashes of the leaves.
func (b *batch) hashes() []Hash {
	hashes := make([]Hash, len(b.items))
	for i := range b.items {
		hashes[i] = b.items[i].hash
	}
	return hashes
}

// ledgerBatches reads the entries of a ledger into batches.
type ledgerBatches struct {
	gaps  gaps
	see   func(seq uint64, data []byte) // may be nil
	inGap func(seq uint64)
	free  <-chan *batch
	emit  func(*batch) bool

	current *batch
	left    gaps   // those that were not reached
	next    uint64 // sequence number after the last leaf
}

func (l *ledgerBatches) run(ctx context.Context, r *ledger.Reader, from uint64) {
	l.next, l.left = from, l.gaps
	for frame, err := range r.Frames(ctx, from, math.MaxUint64) {
		_, removed := errors.AsType[*ledger.RemovedError](err)
		_, corrupt := errors.AsType[*ledger.CorruptError](err)
		if removed || corrupt {
			continue // the entries are missing
		}
		if err != nil {
			l.flush()
			l.emit(&batch{err: err})
			return
		}
		for e := range frame.All() {
			if e.Seq < from {
				continue
			}
			if l.see != nil {
				l.see(e.Seq, e.Data)
			}
			if !l.add(e) {
				return
			}
		}
	}
	l.flush()
}

// add adds an entry, and the gaps before it.
func (l *ledgerBatches) add(e ledger.Entry) bool {
	for len(l.left) > 0 && l.left[0].First <= e.Seq {
		g := l.left[0]
		l.left = l.left[1:]
		if g.First < l.next {
			continue
		}
		if !l.addItem(g.Leaf, item{first: g.First, last: g.Last, hash: HashLeaf(g.LeafData())}, nil) {
			return false
		}
		l.next = g.Last + 1
	}
	leaf, in := l.gaps.leaf(e.Seq)
	if in != nil {
		l.inGap(e.Seq)
		return true
	}
	l.next = e.Seq + 1
	return l.addItem(leaf, item{first: e.Seq, last: e.Seq}, e.Data)
}

func (l *ledgerBatches) addItem(leaf int64, i item, data []byte) bool {
	if l.current != nil && l.current.tile != leaf/tileWidth && !l.flush() {
		return false
	}
	if l.current == nil {
		var old batch
		select {
		case b := <-l.free:
			old = *b
		default:
			old = batch{data: make([]byte, 0, tileWidth*typicalLeaf), ends: make([]int, 0, tileWidth), items: make([]item, 0, tileWidth)}
		}
		l.current = &batch{tile: leaf / tileWidth, data: old.data[:0], ends: old.ends[:0], items: old.items[:0], done: make(chan struct{})}
	}
	b := l.current
	if data != nil || i.hash == (Hash{}) {
		b.data = append(append(b.data, 0), data...)
	}
	b.ends, b.items = append(b.ends, len(b.data)), append(b.items, i)
	return true
}

func (l *ledgerBatches) flush() bool {
	b := l.current
	l.current = nil
	return b == nil || l.emit(b)
}
