package ledgerquery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// Indexer implements ledger.Keeper.
type Indexer struct {
	recent *index.Recent
	done   map[uint64]bool // closed segments that have an index, or cannot get one
	active activeSegment
}

// NewIndexer returns a Keeper that keeps an index beside each segment of a ledger, so that a
// [Reader] finds records without reading the ledger:
//
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger",
//		ledger.WithSidecars(ledgerquery.NewIndexer()),
//	))
//
// The indexes take 2 to 4 percent of the size of the records, and some microseconds of
// processor time for each of them, in the background. They can be removed at any time: they
// are made again when the ledger is opened, and searches without them give the same answers.
// Each ledger needs an Indexer of its own.
func NewIndexer() *Indexer { return &Indexer{} }

// activeSegment is what an Indexer knows of the segment that grows.
type activeSegment struct {
	number uint64
	pieces int    // how many it has
	next   uint64 // the first entry that they do not cover
	end    int64  // where the last frame that they cover ends
}

var _ ledger.Keeper = (*Indexer)(nil)

const (
	// pieceBytes is the least size of the frames that a piece covers.
	pieceBytes = 4 << 20
	// maxPieceBytes is the size from which on a piece takes no further frames.
	maxPieceBytes = 8 << 20
)

// Keep implements ledger.Keeper.
func (x *Indexer) Keep(ctx context.Context, s *ledger.Sidecars) error {
	segments := s.Segments()
	if x.recent == nil {
		x.recent, x.done = index.NewRecent(segments[0].Ledger), map[uint64]bool{}
	}
	names, err := s.Names()
	if err != nil {
		return err
	}
	var errs []error
	for _, seg := range segments {
		if x.done[seg.Number] {
			continue
		}
		var err error
		if seg.Closed() {
			err = x.keepClosed(ctx, s, seg, names[seg.Number], segments[0].First)
		} else if seg.Number == segments[len(segments)-1].Number {
			err = x.keepActive(ctx, s, seg, names[seg.Number], segments[0].First)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, err)
	}
	for number := range x.done {
		if number < segments[0].Number {
			delete(x.done, number)
		}
	}
	return errors.Join(errs...)
}

// keepClosed makes the index of a closed segment, unless it has one. It uses its pieces.
func (x *Indexer) keepClosed(ctx context.Context, s *ledger.Sidecars, seg ledger.Segment, names []string, floor uint64) error {
	if !slices.Contains(names, index.Name) || !hasIndex(s, seg) {
		p := openPieces(seg, names, files{s.Open, s.Resume}, nil)
		defer p.release()
		if err := x.extend(ctx, s, seg, &p, floor, func([]byte) error { return nil }); err != nil {
			return err
		}
		if p.next != seg.Next {
			x.done[seg.Number] = true // damaged, which others report; the entries are read
			return nil
		}
		image, err := index.Merge(p.inputs, seg.Sealed.UnixNano())
		if err != nil {
			return err
		}
		if err := s.Write(seg.Number, index.Name, writing(image)); err != nil {
			return err
		}
	}
	x.done[seg.Number] = true
	var err error
	for _, number := range index.Pieces(names) {
		err = errors.Join(err, s.Remove(seg.Number, index.PieceName(number)))
	}
	return err
}

// hasIndex reports whether a closed segment has an index that can be opened.
func hasIndex(s *ledger.Sidecars, seg ledger.Segment) bool {
	f, err := s.Open(seg.Number, index.Name)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	opened, err := index.Open(f, seg.Ledger, seg.Number, nil)
	return err == nil && isIndexOf(opened, seg)
}

// keepActive adds pieces to the segment that grows, once enough has been added to it.
func (x *Indexer) keepActive(ctx context.Context, s *ledger.Sidecars, seg ledger.Segment, names []string, floor uint64) error {
	if x.active.number != seg.Number {
		p := openPieces(seg, names, files{s.Open, s.Resume}, nil)
		p.release()
		x.active = activeSegment{number: seg.Number, pieces: len(p.inputs), next: p.next, end: p.end}
	}
	if seg.End-x.active.end < pieceBytes {
		return nil
	}
	p := pieces{next: x.active.next, end: x.active.end}
	return x.extend(ctx, s, seg, &p, floor, func(image []byte) error {
		if err := s.Write(seg.Number, index.PieceName(x.active.pieces+1), writing(image)); err != nil {
			return err
		}
		x.active.pieces++
		x.active.next, x.active.end = p.next, p.end
		return nil
	})
}

// extend makes pieces for the entries that p does not cover, and calls write with each. It
// ends before entries that are lost.
func (x *Indexer) extend(ctx context.Context, s *ledger.Sidecars, seg ledger.Segment, p *pieces, floor uint64, write func(image []byte) error) error {
	for p.next < seg.Next {
		image, err := x.piece(ctx, s, seg, p.next, floor)
		if err != nil || image == nil {
			return err
		}
		r := bytes.NewReader(image)
		opened, err := index.Open(r, seg.Ledger, seg.Number, nil)
		if err != nil {
			return err
		}
		p.inputs = append(p.inputs, index.Input{File: opened, R: r})
		p.next, p.end = opened.Next, opened.End
		if err := write(image); err != nil {
			return err
		}
	}
	return nil
}

// piece returns an index of the entries from next on, or nil if they are lost.
func (x *Indexer) piece(ctx context.Context, s *ledger.Sidecars, seg ledger.Segment, next, floor uint64) ([]byte, error) {
	if x.recent.Next() != next {
		from := max(floor, next-min(next, index.Window))
		x.recent.Load(from, next, s.Frames(ctx, from, next-1))
		x.recent.Skip(next)
	}
	b := index.NewBuilder(seg.Ledger, next, x.recent, true)
	size := int64(0)
	for f, err := range s.Frames(ctx, next, seg.Next-1) {
		if isLoss(err) || err == nil && (f.Segment != seg.Number || f.First > b.Next()) {
			break
		}
		if err != nil {
			return nil, err
		}
		b.AddFrame(f)
		if size += f.Size; size >= maxPieceBytes && seg.End-f.Offset-f.Size >= pieceBytes {
			break
		}
	}
	if b.Len() == 0 {
		return nil, nil
	}
	return b.Image(seg.Ledger, seg.Number, 0), nil
}

func writing(image []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(image)
		return err
	}
}
