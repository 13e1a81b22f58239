package seal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// BatchProof shows that many leaves are in the tree of a checkpoint, such as the records of an
// export. It has only those hashes that do not follow from the leaves themselves: for a range
// without gaps, a few dozen.
type BatchProof struct {
	// Leaves are the numbers of the leaves, in the order of the entries.
	Leaves []int64
	// Hashes are those of the subtrees without any of the leaves, from left to right.
	Hashes []Hash
	// Checkpoint is that of the tree.
	Checkpoint Checkpoint
}

// ProveAll returns the proof of entries, whose hashes HashLeaf returns. It reads all tiles of the
// leaves. If no checkpoint covers one of them, the error matches ErrNotSealed. Two equal entries
// cannot be proved.
func ProveAll(files Files, entries []Hash, keys ...note.Verifier) (*BatchProof, error) {
	c, err := newestCheckpoint(files, keys)
	if err != nil {
		return nil, err
	}
	if cosigned := forProof(files, 0, c, keys...); cosigned.Size < c.Size {
		p, err := proveAll(files, cosigned, entries)
		if !errors.Is(err, ErrNotSealed) {
			return p, err
		}
	} else {
		c = cosigned
	}
	return proveAll(files, c, entries)
}

func proveAll(files Files, c Checkpoint, entries []Hash) (*BatchProof, error) {
	sealed, ok := openSealedTree(files, &c)
	if !ok {
		return nil, errors.New("seal: the tiles are not those of the checkpoint")
	}
	p := &BatchProof{Checkpoint: c, Leaves: make([]int64, len(entries))}
	wanted := make(map[Hash]int, len(entries))
	for i, h := range entries {
		wanted[h] = i
		p.Leaves[i] = -1
	}
	for n := int64(0); n*tileWidth < c.Size; n++ {
		hashes, ok := sealed.tile(0, n)
		if !ok {
			return nil, fmt.Errorf("seal: the tile of leaves %d to %d is missing or altered", n*tileWidth, (n+1)*tileWidth-1)
		}
		for i, h := range hashes {
			if at, ok := wanted[h]; ok {
				p.Leaves[at] = n*tileWidth + int64(i)
			}
		}
	}
	if at := slices.Index(p.Leaves, -1); at >= 0 {
		return nil, fmt.Errorf("%w: number %d", ErrNotSealed, at+1)
	}
	reader := tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tileReader{files})
	var err error
	if p.Hashes, err = p.others(reader); err != nil {
		return nil, err
	}
	if err := p.Check(entries); err != nil {
		return nil, err
	}
	return p, nil
}

// others returns the hashes of the subtrees without any of the leaves.
func (p *BatchProof) others(reader tlog.HashReader) ([]Hash, error) {
	var indexes []int64
	var widths []int
	walk(0, p.Checkpoint.Size, slices.Sorted(slices.Values(p.Leaves)), func(lo, hi int64) {
		parts := subtrees(lo, hi)
		indexes, widths = append(indexes, parts...), append(widths, len(parts))
	})
	if len(indexes) == 0 {
		return nil, nil
	}
	hashes, err := reader.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("seal: the tiles do not prove the entries: %w", err)
	}
	var others []Hash
	for _, width := range widths {
		h := hashes[width-1]
		for i := width - 2; i >= 0; i-- {
			h = hashNode(hashes[i], h)
		}
		others, hashes = append(others, h), hashes[width:]
	}
	return others, nil
}

// walk calls other, from left to right, with the largest subtrees of the tree over leaves lo to
// hi that have none of the sorted leaves.
func walk(lo, hi int64, leaves []int64, other func(lo, hi int64)) {
	switch {
	case len(leaves) == 0:
		other(lo, hi)
	case hi-lo > 1:
		middle := lo + split(hi-lo)
		at, _ := slices.BinarySearch(leaves, middle)
		walk(lo, middle, leaves[:at], other)
		walk(middle, hi, leaves[at:], other)
	}
}

// split returns how many leaves the left subtree of a tree of n leaves has.
func split(n int64) int64 {
	k := int64(1)
	for 2*k < n {
		k *= 2
	}
	return k
}

// subtrees returns the indexes, as package tlog counts them, of the complete subtrees of which
// the tree over leaves lo to hi is made.
func subtrees(lo, hi int64) (indexes []int64) {
	for lo < hi {
		level, width := 0, int64(1)
		for 2*width <= hi-lo && lo%(2*width) == 0 {
			level, width = level+1, 2*width
		}
		indexes = append(indexes, tlog.StoredHashIndex(level, lo>>level))
		lo += width
	}
	return indexes
}

// Check checks that the hashes of the entries, in their order, lead to the root. If they do not,
// the error matches ErrNotProved: at least one of the entries is not the one that was sealed.
func (p *BatchProof) Check(entries []Hash) error {
	if len(entries) != len(p.Leaves) {
		return fmt.Errorf("%w: it is of %d entries, and there are %d", ErrNotProved, len(p.Leaves), len(entries))
	}
	if len(entries) == 0 {
		return fmt.Errorf("%w: there are no entries", ErrNotProved)
	}
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.Leaves[a], p.Leaves[b]) })
	leaves, hashes := make([]int64, len(order)), make([]Hash, len(order))
	for i, at := range order {
		leaves[i], hashes[i] = p.Leaves[at], entries[at]
		if leaves[i] < 0 || leaves[i] >= p.Checkpoint.Size || i > 0 && leaves[i] == leaves[i-1] {
			return fmt.Errorf("%w: leaf %d is named twice, or is not in the tree", ErrNotProved, leaves[i])
		}
	}
	r := batchRoot{others: p.Hashes}
	root, ok := r.hash(0, p.Checkpoint.Size, leaves, hashes)
	if !ok || len(r.others) > 0 || root != p.Checkpoint.Root {
		return fmt.Errorf("%w: at least one of the %d entries is not the one that was sealed", ErrNotProved, len(entries))
	}
	return nil
}

// batchRoot computes the hash of a tree.
type batchRoot struct{ others []Hash }

func (r *batchRoot) hash(lo, hi int64, leaves []int64, hashes []Hash) (Hash, bool) {
	switch {
	case len(leaves) == 0:
		if len(r.others) == 0 {
			return Hash{}, false
		}
		h := r.others[0]
		r.others = r.others[1:]
		return h, true
	case hi-lo == 1:
		return hashes[0], true
	}
	middle := lo + split(hi-lo)
	at, _ := slices.BinarySearch(leaves, middle)
	left, okLeft := r.hash(lo, middle, leaves[:at], hashes[:at])
	right, okRight := r.hash(middle, hi, leaves[at:], hashes[at:])
	return hashNode(left, right), okLeft && okRight
}

// Contiguous reports whether the leaves are all those between the first and the last: then none
// was left out among them.
func (p *BatchProof) Contiguous() bool {
	return len(p.Leaves) > 0 && slices.Max(p.Leaves)-slices.Min(p.Leaves) == int64(len(p.Leaves))-1
}

// The lines of a BatchProof.
const (
	batchHeader = "opendeed/batch-proof@v1"
	batchLeaves = "leaves"
)

// Encode returns the proof as text: the header, the leaves in their order, as numbers and ranges,
// the hashes in a line each, an empty line, and the checkpoint.
func (p *BatchProof) Encode() []byte {
	var b bytes.Buffer
	b.WriteString(batchHeader + "\n" + batchLeaves)
	for i := 0; i < len(p.Leaves); {
		end := i + 1
		for end < len(p.Leaves) && p.Leaves[end] == p.Leaves[end-1]+1 {
			end++
		}
		fmt.Fprintf(&b, " %d", p.Leaves[i])
		if end > i+1 {
			fmt.Fprintf(&b, "-%d", p.Leaves[end-1])
		}
		i = end
	}
	b.WriteByte('\n')
	for _, h := range p.Hashes {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint.Note)
	return b.Bytes()
}

var errBatchFormat = errors.New("seal: the text is not a batch proof")

// maxBatch limits the leaves of a BatchProof, whose ranges are short for what they stand for.
const maxBatch = 1 << 28

// OpenBatchProof reads a proof and checks who has signed its checkpoint. Check checks the rest.
func OpenBatchProof(text []byte, keys ...note.Verifier) (*BatchProof, error) {
	head, signed, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 2 || lines[0] != batchHeader || !strings.HasPrefix(lines[1], batchLeaves) {
		return nil, errBatchFormat
	}
	p := &BatchProof{}
	for _, field := range strings.Fields(lines[1])[1:] {
		from, to, isRange := strings.Cut(field, "-")
		first, err := strconv.ParseInt(from, 10, 64)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseInt(to, 10, 64)
		}
		if err != nil || first < 0 || last < first || last-first >= maxBatch-int64(len(p.Leaves)) {
			return nil, errBatchFormat
		}
		for n := first; n <= last; n++ {
			p.Leaves = append(p.Leaves, n)
		}
	}
	for _, line := range lines[2:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, errBatchFormat
		}
		p.Hashes = append(p.Hashes, h)
	}
	var err error
	if p.Checkpoint, err = OpenCheckpoint([]byte(signed), keys...); err != nil {
		return nil, errors.Join(ErrNotProved, err)
	}
	return p, nil
}
