package index

import (
	"io"
	"math"
	"slices"
)

// View is what an outline knows at one moment. It does not change. Its methods are those of a
// File; they read nothing, and never fail.
type View struct {
	// First and Since are those of the Outline.
	First, Since uint64

	n       int
	blocks  []Block
	repeats []Repeat
}

// View returns what is known now.
func (o *Outline) View() *View {
	v := &View{First: o.First, Since: o.Since, n: o.n, blocks: slices.Clip(o.blocks), repeats: o.repeats}
	if len(o.times) > 0 {
		open := o.openBlock()
		open.Frames = slices.Clip(open.Frames)
		v.blocks = append(v.blocks, open)
	}
	return v
}

// Len returns the number of entries.
func (v *View) Len() int { return v.n }

// Bounds returns the oldest and the newest time. Where there are no records, the oldest is
// after the newest.
func (v *View) Bounds() (oldest, newest int64) {
	oldest, newest = math.MaxInt64, math.MinInt64
	for i := range v.blocks {
		oldest, newest = min(oldest, v.blocks[i].Oldest), max(newest, v.blocks[i].Newest)
	}
	return oldest, newest
}

// Blocks returns the number of blocks.
func (v *View) Blocks(io.ReaderAt) (int, error) { return len(v.blocks), nil }

// Span returns the places of a block and its times.
func (v *View) Span(i int) Span {
	b := &v.blocks[i]
	return Span{From: b.First, To: b.First + b.N, Oldest: b.Oldest, Newest: b.Newest}
}

// Block returns a block.
func (v *View) Block(_ io.ReaderAt, i int) (*Block, error) { return &v.blocks[i], nil }

// BlockOf returns the number of the block that has a place.
func (v *View) BlockOf(_ io.ReaderAt, place int) (int, error) {
	at, found := slices.BinarySearchFunc(v.blocks, place, func(b Block, place int) int { return b.First - place })
	if !found {
		at--
	}
	if at < 0 || place >= v.n {
		return 0, ErrBad
	}
	return at, nil
}

// Repeats returns the sequence numbers of earlier entries with the same ID, by place.
func (v *View) Repeats(io.ReaderAt) (map[int][]uint64, error) {
	repeats := make(map[int][]uint64, len(v.repeats))
	for _, r := range v.repeats {
		repeats[r.Place] = r.Earlier
	}
	return repeats, nil
}

// BlocksWith returns nil, since an outline has no signatures.
func (v *View) BlocksWith(io.ReaderAt, Words) (*Places, error) { return nil, nil } //nolint:nilnil // not known

// Matching returns nil, since an outline has no terms.
func (v *View) Matching(io.ReaderAt, []Clause) (*Places, error) { return nil, nil } //nolint:nilnil // not known
