package index

// Outline has the times and the frames of consecutive entries in memory, without their
// terms.
type Outline struct {
	// First is the sequence number of the first entry.
	First uint64
	// Since is the sequence number from which on earlier entries were searched for
	// repeated records.
	Since uint64

	n        int
	blocks   []Block // complete ones
	times    []int64 // of the entries after them
	frames   []Frame // that hold the entries after them
	last     Frame
	checksum uint32 // of the last frame
	end      int64  // offset after it; -1 if there is none
	repeats  []Repeat
	invalid  []int // places of entries that are no records
}

// Repeat is an entry whose record may have been stored before.
type Repeat struct {
	Place int
	// Earlier are the sequence numbers of entries with the same ID.
	Earlier []uint64
}

// Len returns the number of entries.
func (o *Outline) Len() int { return o.n }

// Next returns the sequence number after the last entry.
func (o *Outline) Next() uint64 { return o.First + uint64(o.n) }

// LastFrame returns the last frame and its checksum. ok is false if there is none.
func (o *Outline) LastFrame() (f Frame, checksum uint32, ok bool) {
	return o.last, o.checksum, o.end >= 0
}

func (o *Outline) addFrame(f Frame, checksum uint32) {
	o.last, o.checksum, o.end = f, checksum, f.Offset+f.Size
	o.frames = append(o.frames, f)
}

// addTime adds an entry of the last frame.
func (o *Outline) addTime(at int64) {
	if at == noTime {
		o.invalid = append(o.invalid, o.n)
	}
	o.times = append(o.times, at)
	o.n++
	if len(o.times) == BlockSize {
		o.blocks = append(o.blocks, o.openBlock())
		o.times, o.frames = o.times[:0], append([]Frame(nil), o.last)
	}
}

// openBlock returns the block of the entries after the complete ones.
func (o *Outline) openBlock() Block {
	b := newBlock(o.n-len(o.times), o.times)
	b.Frames = o.frames
	return b
}

// Invalid returns the places of the entries that are no records.
func (o *Outline) Invalid() []int { return o.invalid }
