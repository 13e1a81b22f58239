package ledgerquery

import (
	"bytes"
	"io"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// part is a run of consecutive entries of one segment, with what is known of them. It does
// not change.
type part struct {
	outline

	segment        ledger.Segment
	first, next    uint64 // sequence numbers: the entries from one to before the other
	since          uint64 // earlier entries were searched for repetitions from this one on
	oldest, newest int64  // of the records; oldest is after newest if there are none

	file    *index.File   // nil: only an outline is known, or the image is in memory
	sidecar string        // the name of the file
	cached  bool          // the file is in the Reader's own directory
	image   *bytes.Reader // an index in memory
}

// outline is what an index, or a mere outline, knows of its entries. Both *index.File and
// *index.View implement it.
type outline interface { //nolint:interfacebloat // what an index knows
	Len() int
	Blocks(r io.ReaderAt) (int, error)
	Span(i int) index.Span
	Block(r io.ReaderAt, i int) (*index.Block, error)
	BlockOf(r io.ReaderAt, place int) (int, error)
	Repeats(r io.ReaderAt) (map[int][]uint64, error)
	Matching(r io.ReaderAt, conditions []index.Clause) (*index.Places, error)
	BlocksWith(r io.ReaderAt, w index.Words) (*index.Places, error)
}

// newFilePart returns the part that an index covers.
func newFilePart(s ledger.Segment, f *index.File, sidecar string, image *bytes.Reader) *part {
	return &part{
		outline: f, segment: s, first: f.First, next: f.Next, since: f.Since, oldest: f.Oldest, newest: f.Newest,
		file: f, sidecar: sidecar, image: image,
	}
}

// newOutlinePart returns the part that an outline covers.
func newOutlinePart(s ledger.Segment, v *index.View) *part {
	p := &part{outline: v, segment: s, first: v.First, next: v.First + uint64(v.Len()), since: v.Since}
	p.oldest, p.newest = v.Bounds()
	return p
}
