package seal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Gap is a range of sequence numbers whose entries could not be read when they should have
// been sealed: the ledger skipped them after damage, or had removed them before the first
// seal. One leaf stands for all of them.
type Gap struct {
	// First and Last are the sequence numbers of the first and last entries.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Leaf is the number of the leaf, from 0.
	Leaf int64 `json:"leaf"`
}

// gapPrefix begins the leaf of a gap. No record begins like this: it is JSON.
const gapPrefix = "opendeed/gap\n"

// LeafData returns the leaf of the gap: the line "opendeed/gap", and the first and the last
// sequence number in a line each.
func (g Gap) LeafData() []byte {
	b := strconv.AppendUint([]byte(gapPrefix), g.First, 10)
	b = strconv.AppendUint(append(b, '\n'), g.Last, 10)
	return append(b, '\n')
}

// String returns the range.
func (g Gap) String() string { return fmt.Sprintf("%d to %d", g.First, g.Last) }

// gaps maps sequence numbers to leaves. Entries have the leaves in their order, from the entry
// 1, which is leaf 0, but the entries of a gap share one. Gaps are in order.
type gaps []Gap

// leaf returns the leaf of an entry, and the gap if it is in one.
func (g gaps) leaf(seq uint64) (leaf int64, in *Gap) {
	at, _ := slices.BinarySearchFunc(g, seq, func(gap Gap, seq uint64) int { return cmp.Compare(gap.Last, seq) })
	if at < len(g) && g[at].First <= seq {
		return g[at].Leaf, &g[at]
	}
	if at == 0 {
		return int64(seq) - 1, nil
	}
	return g[at-1].Leaf + int64(seq-g[at-1].Last), nil
}

// seq returns the entry of a leaf, or the first one of its gap.
func (g gaps) seq(leaf int64) uint64 {
	at, found := slices.BinarySearchFunc(g, leaf, func(gap Gap, leaf int64) int { return cmp.Compare(gap.Leaf, leaf) })
	switch {
	case found:
		return g[at].First
	case at == 0:
		return uint64(leaf) + 1
	}
	return g[at-1].Last + uint64(leaf-g[at-1].Leaf)
}

// next returns the first gap whose leaf is at least leaf, or nil.
func (g gaps) next(leaf int64) *Gap {
	at, _ := slices.BinarySearchFunc(g, leaf, func(gap Gap, leaf int64) int { return cmp.Compare(gap.Leaf, leaf) })
	if at == len(g) {
		return nil
	}
	return &g[at]
}

// valid reports whether the gaps are in order and their leaves follow from their entries.
func (g gaps) valid() bool {
	for i, gap := range g {
		if gap.First == 0 || gap.Last < gap.First {
			return false
		}
		if leaf, in := g[:i].leaf(gap.First); in != nil || leaf != gap.Leaf || i > 0 && gap.First <= g[i-1].Last {
			return false
		}
	}
	return true
}
