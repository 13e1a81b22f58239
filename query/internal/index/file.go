package index

import (
	"encoding/binary"
	"io"
	"slices"
	"sync"
)

// File is an index that is read page by page. Its methods are safe for concurrent use. They
// read what is not in the Cache through the io.ReaderAt that they get. An error means that
// the index cannot be used; the entries must be read.
type File struct {
	*Header

	cache *Cache
	head  uint32 // checksum of the first page

	mu      sync.Mutex // of what is nil until it is needed
	terms   []Key      // the first key of each page of terms
	blocks  []blockRef
	repeats map[int][]uint64
}

// blockRef is a line of the table of blocks.
type blockRef struct {
	first, n       int
	oldest, newest int64
	data           uint64 // where its data is in the section
	size           int
}

// Open reads the beginning of an index for the segment of a ledger. The caller checks
// whether the entries of the Header are those that it means. cache may be nil; it gets
// pages when they are read later, so that a File that is not used leaves nothing in it.
func Open(r io.ReaderAt, ledger [16]byte, segment uint64, cache *Cache) (*File, error) {
	page, sum, err := readPage(r, 0, headSalt(ledger, segment))
	if err != nil {
		return nil, err
	}
	h, err := decodeHeader(page, ledger, segment)
	if err != nil {
		return nil, err
	}
	return &File{Header: h, cache: cache, head: sum}, nil
}

// termTable returns the first key of each page of terms.
func (f *File) termTable(r io.ReaderAt) ([]Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.terms != nil {
		return f.terms, nil
	}
	table, err := f.read(r, f.Header.termTable, f.termPageCount*4)
	if err != nil {
		return nil, err
	}
	terms := make([]Key, f.termPageCount)
	for i := range terms {
		terms[i] = Key(binary.LittleEndian.Uint32(table[4*i:]))
	}
	if !slices.IsSorted(terms) {
		return nil, ErrBad
	}
	f.terms = terms
	return terms, nil
}

// Forget removes what the Cache has of the index.
func (f *File) Forget() { f.cache.Forget(f) }

// page returns the data of a page.
func (f *File) page(r io.ReaderAt, number int) ([]byte, error) {
	key := pageKey{f, number}
	if page := f.cache.get(key); page != nil {
		return page, nil
	}
	salt := pageSalt(f.head, number)
	if number == 0 {
		salt = headSalt(f.Ledger, f.Segment)
	}
	page, _, err := readPage(r, number, salt)
	if err == nil {
		f.cache.put(key, page)
	}
	return page, err
}

// read returns size bytes at an offset of the sections. They must not be changed.
func (f *File) read(r io.ReaderAt, offset, size uint64) ([]byte, error) {
	if offset > f.size || size > f.size-offset {
		return nil, ErrBad
	}
	var all []byte
	for at := offset; at < offset+size; {
		page, err := f.page(r, int(at/pageData))
		if err != nil {
			return nil, err
		}
		part := page[at%pageData:]
		part = part[:min(uint64(len(part)), offset+size-at)]
		if uint64(len(part)) == size {
			return part, nil
		}
		if all == nil {
			all = make([]byte, 0, min(size, 1<<20))
		}
		all = append(all, part...)
		at += uint64(len(part))
	}
	return all, nil
}

// Places returns the places of the entries that may have the term with a key.
func (f *File) Places(r io.ReaderAt, key Key) (*Places, error) {
	p, ok, err := f.term(r, key)
	if err != nil || !ok {
		return NoPlaces(), err
	}
	return f.places(r, p)
}

// term looks up a key.
func (f *File) term(r io.ReaderAt, key Key) (p posting, ok bool, err error) {
	table, err := f.termTable(r)
	if err != nil {
		return p, false, err
	}
	at, found := slices.BinarySearch(table, key)
	if !found {
		at--
	}
	if at < 0 {
		return p, false, nil
	}
	page, err := f.page(r, int(f.termPages)+at)
	if err != nil {
		return p, false, err
	}
	return findTerm(page, key, f.Len())
}

// places returns the places of a posting.
func (f *File) places(r io.ReaderAt, p posting) (*Places, error) {
	switch {
	case p.count == 1:
		return &Places{list: []uint32{p.single}, n: 1}, nil
	case p.list != nil:
		d := decoder{b: p.list}
		places := readList(&d, p.count, f.Len())
		return places, d.err
	}
	data, err := f.postingData(r, p)
	if err != nil {
		return nil, err
	}
	d := decoder{b: data}
	places := readPlaces(&d, p.count, f.Len())
	return places, d.err
}

// postingData returns the places of a long posting as they are stored.
func (f *File) postingData(r io.ReaderAt, p posting) ([]byte, error) {
	if p.offset > f.postingsSize || p.size > f.postingsSize-p.offset {
		return nil, ErrBad
	}
	return f.read(r, f.postings+p.offset, p.size)
}

// table returns the table of blocks.
func (f *File) table(r io.ReaderAt) ([]blockRef, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blocks != nil {
		return f.blocks, nil
	}
	data, err := f.read(r, f.blockTable, f.blockCount*blockRefSize)
	if err != nil {
		return nil, err
	}
	d := decoder{b: data}
	refs, next := make([]blockRef, f.blockCount), 0
	for i := range refs {
		ref := blockRef{first: int(d.uint32()), n: int(d.uint32()), oldest: int64(d.uint64()), newest: int64(d.uint64())}
		ref.data, ref.size = uint64(d.uint32()), int(d.uint32())
		if d.err != nil || ref.first != next || ref.n < 1 || ref.n > BlockSize || ref.data+uint64(ref.size) > f.blockDataSize {
			return nil, ErrBad
		}
		refs[i], next = ref, ref.first+ref.n
	}
	if next != f.Len() {
		return nil, ErrBad
	}
	f.blocks = refs
	return refs, nil
}

// Blocks returns the number of blocks.
func (f *File) Blocks(r io.ReaderAt) (int, error) {
	refs, err := f.table(r)
	return len(refs), err
}

// Span returns the places of a block, from one to before another, and its times.
func (f *File) Span(i int) (s Span) {
	ref := &f.blocks[i]
	return Span{From: ref.first, To: ref.first + ref.n, Oldest: ref.oldest, Newest: ref.newest}
}

// Span describes a block.
type Span struct {
	From, To       int // places
	Oldest, Newest int64
}

// Block returns a block.
func (f *File) Block(r io.ReaderAt, i int) (*Block, error) {
	refs, err := f.table(r)
	if err != nil {
		return nil, err
	}
	ref := &refs[i]
	data, err := f.read(r, f.blockData+ref.data, uint64(ref.size))
	if err != nil {
		return nil, err
	}
	return readBlock(data, ref)
}

// BlockOf returns the number of the block that has a place.
func (f *File) BlockOf(r io.ReaderAt, place int) (int, error) {
	refs, err := f.table(r)
	if err != nil {
		return 0, err
	}
	at, found := slices.BinarySearchFunc(refs, place, func(ref blockRef, place int) int { return ref.first - place })
	if !found {
		at--
	}
	if at < 0 || place >= f.Len() {
		return 0, ErrBad
	}
	return at, nil
}

// Repeats returns the sequence numbers of earlier entries with the same ID, by place.
func (f *File) Repeats(r io.ReaderAt) (map[int][]uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repeats != nil {
		return f.repeats, nil
	}
	data, err := f.read(r, f.Header.repeats, f.repeatsSize)
	if err == nil {
		f.repeats, err = readRepeats(data, f.Header)
	}
	return f.repeats, err
}

// Invalid returns the places of the entries that are no records.
func (f *File) Invalid(r io.ReaderAt) ([]int, error) {
	if f.invalidSize == 1 { // their number only, which is zero
		return nil, nil
	}
	data, err := f.read(r, f.invalid, f.invalidSize)
	if err != nil {
		return nil, err
	}
	return readInvalid(data, f.Header)
}

// Facets returns the values of fields.
func (f *File) Facets(r io.ReaderAt) ([]Facet, error) {
	data, err := f.read(r, f.facets, f.facetsSize)
	if err != nil {
		return nil, err
	}
	return readFacets(data)
}
