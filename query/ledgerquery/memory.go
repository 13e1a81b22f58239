package ledgerquery

import (
	"bytes"
	"context"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

const (
	// maxImages is the most bytes of indexes that a Reader makes in memory.
	maxImages = 16 << 20
	// minImage is the least number of entries that are worth an index, and maxImage the most
	// that one is made of at once.
	minImage = 1024
	maxImage = 1 << 18
)

// indexInMemory makes indexes of the entries of a segment that have none, such as the newest
// ones, or all of them where nobody keeps indexes, once several searches could use them.
func (k *known) indexInMemory(ctx context.Context, l *ledger.Reader, seg *knownSegment) error {
	entries := 0
	for _, run := range seg.runs {
		entries += run.Len()
	}
	if entries < minImage || entries > maxImage || k.images >= maxImages {
		return nil
	}
	if seg.asked++; seg.asked < 2 {
		return nil
	}
	for len(seg.runs) > 0 {
		run := seg.runs[0]
		if run.Len() > 0 {
			b := imageOf(ctx, l, seg, run)
			if b == nil {
				return ctx.Err() // damaged since; the search notices that itself
			}
			image := bytes.NewReader(b)
			f, err := index.Open(image, seg.segment.Ledger, seg.segment.Number, nil)
			if err != nil {
				return err
			}
			k.images += image.Len()
			seg.parts = append(seg.parts, newFilePart(seg.segment, f, "", image))
		}
		seg.runs = seg.runs[1:]
	}
	seg.asked = 0
	return nil
}

// imageOf returns an index of entries of which an outline is known, or nil if they cannot be read.
func imageOf(ctx context.Context, l *ledger.Reader, seg *knownSegment, run *index.Builder) []byte {
	b := index.NewBuilder(seg.segment.Ledger, run.First, index.NewRecent(seg.segment.Ledger), true)
	for f, err := range l.Frames(ctx, run.First, run.Next()-1) {
		if err != nil || f.First > b.Next() {
			return nil
		}
		b.AddFrame(f)
	}
	if b.Next() != run.Next() {
		return nil
	}
	b.TakeRepeats(&run.Outline)
	return b.Image(seg.segment.Ledger, seg.segment.Number, 0)
}
