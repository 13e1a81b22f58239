package index

import (
	"math"
	"math/bits"
	"slices"
)

// BlockSize is the most entries of a block.
const BlockSize = 128

// Block has the times and the frames of consecutive entries. Their numbers, counted from the
// first entry of the index, are places.
type Block struct {
	// First is the place of the first entry, and N the number of entries.
	First, N int
	// Oldest and Newest bound the times, in Unix nanoseconds. Where no entry is a record,
	// Oldest is after Newest.
	Oldest, Newest int64
	// Frames are the frames that hold the entries, in order.
	Frames []Frame

	// The time of entry i is at least Oldest + offsets[i]<<shift, and less than 1<<shift
	// later. An entry that is no record has noRecord.
	shift   uint8
	offsets []uint16
}

// Frame is the place of a frame in the segment's file.
type Frame struct {
	// Offset and Size are in bytes.
	Offset, Size int64
	// First is the place of the first entry, which is negative if it is before the index.
	First int
}

// noRecord is the offset of an entry that is no record. No record has it.
const noRecord = math.MaxUint16

// Times returns the time between which the entry at a place was, both included, and false if
// it is no record.
func (b *Block) Times(place int) (from, to int64, ok bool) {
	offset := b.offsets[place-b.First]
	if offset == noRecord {
		return 0, 0, false
	}
	from = b.Oldest + int64(offset)<<b.shift
	if to = from + 1<<b.shift - 1; to < from || to > b.Newest { // or too great for a number
		to = b.Newest
	}
	return from, to, true
}

// Frame returns the frame that holds the entry at a place.
func (b *Block) Frame(place int) (Frame, bool) {
	at, found := slices.BinarySearchFunc(b.Frames, place, func(f Frame, place int) int { return f.First - place })
	if !found {
		at--
	}
	if at < 0 {
		return Frame{}, false
	}
	return b.Frames[at], true
}

// End returns where the last frame ends, in bytes.
func (b *Block) End() int64 {
	last := b.Frames[len(b.Frames)-1]
	return last.Offset + last.Size
}

// newBlock returns the block of entries with the given times. Those that are no records have
// noTime.
func newBlock(first int, times []int64) Block {
	b := Block{First: first, N: len(times), Oldest: math.MaxInt64, Newest: math.MinInt64, offsets: make([]uint16, len(times))}
	for _, t := range times {
		if t != noTime {
			b.Oldest, b.Newest = min(b.Oldest, t), max(b.Newest, t)
		}
	}
	if width := bits.Len64(uint64(b.Newest - b.Oldest)); b.Oldest <= b.Newest && width > 15 {
		b.shift = uint8(width - 15)
	}
	for i, t := range times {
		b.offsets[i] = noRecord
		if t != noTime {
			b.offsets[i] = uint16((t - b.Oldest) >> b.shift)
		}
	}
	return b
}

// noTime is the time of an entry that is no record. No record has it.
const noTime = math.MinInt64
