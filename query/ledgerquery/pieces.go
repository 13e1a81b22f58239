package ledgerquery

import (
	"io"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// pieces are the indexes of a segment that was not closed yet. They cover its entries one
// after the other.
type pieces struct {
	inputs []index.Input
	close  []io.Closer
	next   uint64 // the first entry that they do not cover
	end    int64  // where the last frame that they cover ends; 0 if there is none
}

// files gives access to the sidecars of a ledger. Both *ledger.Reader and *ledger.Sidecars
// implement it, but for the names of their methods.
type files struct {
	open   func(segment uint64, name string) (ledger.Sidecar, error)
	resume func(ledger.Frame) bool
}

// openPieces opens the pieces of a segment, up to the first one that cannot be used. The
// frames that they end with must still be in the ledger.
func openPieces(seg ledger.Segment, names []string, from files, cache *index.Cache) pieces {
	p := pieces{next: seg.First}
	for i, number := range index.Pieces(names) {
		if number != i+1 {
			break
		}
		f, err := from.open(seg.Number, index.PieceName(number))
		if err != nil {
			break
		}
		opened, err := index.Open(f, seg.Ledger, seg.Number, cache)
		if err != nil || opened.First != p.next || opened.Len() == 0 || seg.Next != 0 && opened.Next > seg.Next || !from.resume(opened.Last()) {
			_ = f.Close() // only read
			break
		}
		p.inputs, p.close = append(p.inputs, index.Input{File: opened, R: f}), append(p.close, f)
		p.next, p.end = opened.Next, opened.End
	}
	return p
}

// release closes the files.
func (p *pieces) release() {
	for _, f := range p.close {
		_ = f.Close() // only read
	}
	p.close = nil
}
