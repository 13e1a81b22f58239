package index

import (
	"encoding/binary"

	"github.com/opendeed/audit/sdk/ledger"
)

// Header says which entries an index covers, and where its sections are.
type Header struct {
	// Ledger and Segment are the ledger and the segment of the entries.
	Ledger  [16]byte
	Segment uint64
	// First is the sequence number of the first entry, and Next that after the last one.
	First, Next uint64
	// Since is the sequence number from which on earlier entries were searched for
	// repeated records.
	Since uint64
	// End is the offset in the segment after the last frame.
	End int64
	// Seal is when the next segment was created, in Unix nanoseconds. In an index of a
	// segment that was not closed it is zero, and Checksum, which is that of the last
	// frame, tells whether that is still there.
	Seal     int64
	Checksum uint32
	// LastFrame is the offset of the last frame, and LastFirst the sequence number of its
	// first entry.
	LastFrame int64
	LastFirst uint64
	// Fields is the set of fields whose terms were collected, by number.
	Fields uint64
	// Oldest and Newest bound the times of the records, in Unix nanoseconds. Where there
	// are none, Oldest is after Newest.
	Oldest, Newest int64

	termTable, termPages, termPageCount uint64
	blockTable, blockCount              uint64
	blockData, blockDataSize            uint64
	repeats, repeatsSize                uint64
	invalid, invalidSize                uint64
	facets, facetsSize                  uint64
	postings, postingsSize              uint64
	signatures, signatureRows           uint64
	size                                uint64 // of all sections
}

const (
	magic      = 0x3358_4449_4445_444f // "ODEDIDX3"
	headerSize = 256
)

// numbers returns the fields of the header in their order.
func (h *Header) numbers() []*uint64 {
	return []*uint64{
		&h.First, &h.Next, &h.Since, &h.Fields, &h.LastFirst,
		&h.termTable, &h.termPages, &h.termPageCount, &h.blockTable, &h.blockCount, &h.blockData, &h.blockDataSize,
		&h.repeats, &h.repeatsSize, &h.invalid, &h.invalidSize, &h.facets, &h.facetsSize, &h.postings, &h.postingsSize, &h.signatures, &h.signatureRows, &h.size,
	}
}

func (h *Header) encode() []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(make([]byte, 0, headerSize), magic)
	for _, n := range h.numbers() {
		b = le.AppendUint64(b, *n)
	}
	for _, n := range []int64{h.End, h.Seal, int64(h.Checksum), h.LastFrame, h.Oldest, h.Newest} {
		b = le.AppendUint64(b, uint64(n))
	}
	return append(b, make([]byte, headerSize-len(b))...)
}

// decodeHeader reverses encode.
func decodeHeader(b []byte, ledger [16]byte, segment uint64) (*Header, error) {
	d := decoder{b: b}
	if d.uint64() != magic {
		return nil, ErrBad
	}
	h := &Header{Ledger: ledger, Segment: segment}
	for _, n := range h.numbers() {
		*n = d.uint64()
	}
	h.End, h.Seal, h.Checksum, h.LastFrame = int64(d.uint64()), int64(d.uint64()), uint32(d.uint64()), int64(d.uint64())
	h.Oldest, h.Newest = int64(d.uint64()), int64(d.uint64())
	if d.err != nil || h.Next < h.First || !h.sectionsFit() || h.Next-h.First > h.blockCount*BlockSize {
		return nil, ErrBad
	}
	return h, nil
}

// sectionsFit reports whether all sections lie within the size.
func (h *Header) sectionsFit() bool {
	const maxSize = 1 << 34
	fits := h.size < maxSize
	for _, section := range [][2]uint64{
		{h.termTable, h.termPageCount * 4},
		{h.blockTable, h.blockCount * blockRefSize},
		{h.blockData, h.blockDataSize},
		{h.repeats, h.repeatsSize},
		{h.invalid, h.invalidSize},
		{h.facets, h.facetsSize},
		{h.postings, h.postingsSize},
		{h.signatures, h.signatureRows * ((h.blockCount + 7) / 8)},
		{h.termPages * pageData, h.termPageCount * pageData},
	} {
		fits = fits && section[0] <= h.size && section[1] <= h.size-section[0]
	}
	return fits && isTableSize(h.signatureRows) && h.termPageCount < maxSize/pageData && h.blockCount < maxSize/blockRefSize && h.termPages < maxSize/pageData
}

// Last returns the last frame that is covered.
func (h *Header) Last() ledger.Frame {
	return ledger.Frame{Ledger: h.Ledger, Segment: h.Segment, Offset: h.LastFrame, Size: h.End - h.LastFrame, First: h.LastFirst, Checksum: h.Checksum}
}

// Len returns the number of entries.
func (h *Header) Len() int { return int(h.Next - h.First) }

// isTableSize reports whether a table of signatures may have that many rows.
func isTableSize(rows uint64) bool {
	return rows&(rows-1) == 0 && rows >= 1<<minRowBits && rows <= 1<<maxRowBits
}
