package ledgerquery

// batch has candidates that are read at once.
type batch struct {
	candidates []candidate
	entries    int
	bytes      int64 // of the frames
}

// maxBatchBytes is the size from which on a batch takes no further candidates, in bytes.
const maxBatchBytes = 4 << 20

// add adds a candidate.
func (b *batch) add(c candidate) {
	switch n := len(b.candidates); {
	case c.block != nil:
		b.bytes += c.block.End() - c.block.Frames[0].Offset
	case n == 0 || c.frame != b.candidates[n-1].frame:
		b.bytes += c.frame.Size
	}
	b.entries += c.size()
	b.candidates = append(b.candidates, c)
}

// isFull reports whether the batch has some entries, or as many bytes as it may have.
func (b *batch) isFull(entries int) bool { return b.entries >= entries || b.bytes >= maxBatchBytes }

// cleared returns an empty batch, which uses the memory of b.
func (b *batch) cleared() batch { return batch{candidates: b.candidates[:0]} }
