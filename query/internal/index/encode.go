package index

import (
	"encoding/binary"
)

// blockRefSize is the size of a block's line in the table of blocks: its first place, the
// number of its entries, the oldest and the newest time, and where its data is.
const blockRefSize = 4 + 4 + 8 + 8 + 4 + 4

// Image returns the bytes of the index of all entries that were added. Seal is that of the
// Header. Then b must not be used any more.
func (b *Builder) Image(ledger [16]byte, segment uint64, seal int64) []byte {
	h := b.header(ledger, segment, seal)
	w := termWriter{n: b.n}
	b.recent.sorting = sortTerms(b.terms, b.recent.sorting)
	var places []uint32
	for i, term := range b.terms {
		key, place := Key(term>>32), uint32(term)
		if len(places) == 0 || places[len(places)-1] != place {
			places = append(places, place)
		}
		if i+1 == len(b.terms) || Key(b.terms[i+1]>>32) != key {
			w.add(key, places)
			places = places[:0]
		}
	}
	b.recent.terms, b.terms = b.terms, nil
	return h.image(&w, b.View().blocks, signaturesOf(b.signatures, b.bytes), b.repeats, b.invalid, b.facets.sorted())
}

func (b *Builder) header(ledger [16]byte, segment uint64, seal int64) *Header {
	h := &Header{
		Ledger: ledger, Segment: segment, First: b.First, Next: b.Next(), Since: b.Since,
		Seal: seal, Checksum: b.checksum, LastFrame: b.last.Offset, LastFirst: b.First + uint64(b.last.First), End: b.end, Fields: allFields,
	}
	h.Oldest, h.Newest = b.View().Bounds()
	return h
}

// image returns the bytes of an index.
func (h *Header) image(w *termWriter, blocks []Block, t *signatures, repeats []Repeat, invalid []int, facets []Facet) []byte {
	w.finishPage()
	b := make([]byte, headerSize, headerSize+len(w.table)+len(w.postings)+len(w.pages)+len(t.table)+len(blocks)*(BlockSize*2+64))
	section := func(start *uint64, data []byte) (size uint64) {
		*start = uint64(len(b))
		b = append(b, data...)
		return uint64(len(data))
	}
	h.termPageCount = section(&h.termTable, w.table) / 4
	table, data := encodeBlocks(blocks)
	h.blockCount = section(&h.blockTable, table) / blockRefSize
	h.blockDataSize = section(&h.blockData, data)
	h.repeatsSize = section(&h.repeats, encodeRepeats(repeats, h.First))
	h.invalidSize = section(&h.invalid, encodeInvalid(invalid))
	h.facetsSize = section(&h.facets, appendFacets(nil, facets))
	h.postingsSize = section(&h.postings, w.postings)
	section(&h.signatures, t.table)
	h.signatureRows = 1 << t.rowBits
	b = append(b, make([]byte, -len(b)%pageData+pageData)...)
	h.termPages = uint64(len(b) / pageData)
	b = append(b, w.pages...)
	h.size = uint64(len(b))
	copy(b, h.encode())
	return appendPages(make([]byte, 0, (len(b)/pageData+1)*pageSize), b, headSalt(h.Ledger, h.Segment))
}

func encodeBlocks(blocks []Block) (table, data []byte) {
	le := binary.LittleEndian
	for i := range blocks {
		start := len(data)
		data = blocks[i].append(data)
		b := &blocks[i]
		table = le.AppendUint32(table, uint32(b.First))
		table = le.AppendUint32(table, uint32(b.N))
		table = le.AppendUint64(table, uint64(b.Oldest))
		table = le.AppendUint64(table, uint64(b.Newest))
		table = le.AppendUint32(table, uint32(start))
		table = le.AppendUint32(table, uint32(len(data)-start))
	}
	return table, data
}

// append appends the data of a block.
func (b *Block) append(data []byte) []byte {
	data = append(data, b.shift)
	for _, offset := range b.offsets {
		data = binary.LittleEndian.AppendUint16(data, offset)
	}
	data = binary.AppendUvarint(data, uint64(len(b.Frames)))
	end, place := int64(0), 0
	for i, f := range b.Frames {
		if i == 0 {
			place = b.First
		}
		data = binary.AppendUvarint(data, uint64(f.Offset-end))
		data = binary.AppendUvarint(data, uint64(f.Size))
		data = binary.AppendVarint(data, int64(f.First-place))
		end, place = f.Offset+f.Size, f.First
	}
	return data
}

// readBlock reverses append. ref is the block's line in the table.
func readBlock(data []byte, ref *blockRef) (*Block, error) {
	d := decoder{b: data}
	b := &Block{First: ref.first, N: ref.n, Oldest: ref.oldest, Newest: ref.newest, shift: d.byte()}
	raw := d.bytes(2 * ref.n)
	if d.err != nil || b.shift > 63 {
		return nil, ErrBad
	}
	b.offsets = make([]uint16, ref.n)
	for i := range b.offsets {
		b.offsets[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	if b.Frames = make([]Frame, d.count(3)); len(b.Frames) == 0 {
		return nil, ErrBad // its entries are in no frame
	}
	end, place := int64(0), b.First
	for i := range b.Frames {
		f := Frame{Offset: end + int64(d.uvarint()), Size: int64(d.uvarint())}
		distance, n := binary.Varint(d.b)
		if n <= 0 || distance < -1<<33 || distance > 1<<33 || f.Offset < 0 || f.Size < 0 || f.Offset+f.Size < f.Offset {
			return nil, ErrBad
		}
		d.b = d.b[n:]
		f.First = place + int(distance)
		b.Frames[i] = f
		end, place = f.Offset+f.Size, f.First
	}
	return b, d.err
}

func encodeRepeats(repeats []Repeat, first uint64) []byte {
	b := binary.AppendUvarint(nil, uint64(len(repeats)))
	for _, r := range repeats {
		b = binary.AppendUvarint(b, uint64(r.Place))
		b = binary.AppendUvarint(b, uint64(len(r.Earlier)))
		for _, seq := range r.Earlier {
			b = binary.AppendUvarint(b, first+uint64(r.Place)-seq)
		}
	}
	return b
}

// readRepeats reverses encodeRepeats.
func readRepeats(data []byte, h *Header) (map[int][]uint64, error) {
	d := decoder{b: data}
	repeats := map[int][]uint64{}
	for range d.count(3) {
		place := d.uvarint()
		earlier := make([]uint64, d.count(1))
		for i := range earlier {
			earlier[i] = h.First + place - d.uvarint()
		}
		if place >= uint64(h.Len()) {
			return nil, ErrBad
		}
		repeats[int(place)] = earlier
	}
	return repeats, d.err
}

func encodeInvalid(invalid []int) []byte {
	b := binary.AppendUvarint(nil, uint64(len(invalid)))
	for _, place := range invalid {
		b = binary.AppendUvarint(b, uint64(place))
	}
	return b
}

// readInvalid reverses encodeInvalid.
func readInvalid(data []byte, h *Header) ([]int, error) {
	d := decoder{b: data}
	invalid := make([]int, d.count(1))
	for i := range invalid {
		place := d.uvarint()
		if place >= uint64(h.Len()) {
			return nil, ErrBad
		}
		invalid[i] = int(place)
	}
	return invalid, d.err
}

// sortTerms sorts terms by key. They are in the order of their places, which it keeps. It uses
// the memory of room, and returns memory for the next call.
func sortTerms(terms, room []uint64) []uint64 {
	const digit = keyBits / 2
	if cap(room) < len(terms) {
		room = make([]uint64, len(terms))
	}
	room = room[:len(terms)]
	from, to := terms, room
	for shift := 32; shift < 32+keyBits; shift += digit {
		var starts [1 << digit]int
		for _, t := range from {
			starts[t>>shift&(1<<digit-1)]++
		}
		at := 0
		for i, n := range starts {
			starts[i] = at
			at += n
		}
		for _, t := range from {
			d := t >> shift & (1<<digit - 1)
			to[starts[d]] = t
			starts[d]++
		}
		from, to = to, from
	}
	copy(terms, from) // nothing, since the number of passes is even
	return room
}
