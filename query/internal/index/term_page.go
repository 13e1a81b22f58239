package index

import (
	"encoding/binary"
	"sort"
)

// The terms are sorted by key, in pages. A page begins with the number of its terms and the
// offsets of every 32nd of them, in two bytes each. Each term is
//
//	its key: four bytes if its offset is listed, else the distance from the key before
//	one place p: the number 2p
//	n places: the number 2n+1, then the places if there are at most 16, else where in the
//	section of postings they are, and their size
//
// All numbers without a size are varints.
const (
	termsPerOffset = 32
	maxInline      = 16
)

// termWriter writes the pages of terms, and the postings.
type termWriter struct {
	n        int // number of places
	pages    []byte
	table    []byte // the first key of each page
	postings []byte
	offset   int    // of the last places in postings
	buffer   []byte // of the last term

	terms   []byte   // of the current page
	offsets []uint16 // in terms
	count   int
	first   Key
	last    Key
}

// add adds the places of a key, which is higher than the one before.
func (w *termWriter) add(key Key, places []uint32) {
	w.offset = len(w.postings)
	if len(places) > maxInline {
		w.postings = appendPlaces(w.postings, places, w.n)
	}
	w.addTerm(key, len(places), places)
}

// addBitmap is add for so many places, more than maxInline, that they are stored as a bitmap.
func (w *termWriter) addBitmap(key Key, count int, bitmap []byte) {
	w.offset = len(w.postings)
	w.postings = append(w.postings, bitmap...)
	w.addTerm(key, count, nil)
}

// addTerm adds a term. Its places are the last ones in postings, if there are more than maxInline.
func (w *termWriter) addTerm(key Key, count int, places []uint32) {
	term := w.encode(key, count, places, w.count%termsPerOffset == 0)
	if 2+2*(len(w.offsets)+1)+len(w.terms)+len(term) > pageData {
		w.finishPage()
		term = w.encode(key, count, places, true)
	}
	if w.count%termsPerOffset == 0 {
		w.offsets = append(w.offsets, uint16(len(w.terms)))
	}
	if w.count == 0 {
		w.first = key
	}
	w.terms = append(w.terms, term...)
	w.last = key
	w.count++
}

// encode returns a term, until the next call.
func (w *termWriter) encode(key Key, count int, places []uint32, absolute bool) []byte {
	b := w.buffer[:0]
	if absolute {
		b = binary.LittleEndian.AppendUint32(b, uint32(key))
	} else {
		b = binary.AppendUvarint(b, uint64(key-w.last))
	}
	switch {
	case count == 1:
		b = binary.AppendUvarint(b, uint64(places[0])<<1)
	case count <= maxInline:
		b = appendList(binary.AppendUvarint(b, uint64(count)<<1|1), places)
	default:
		b = binary.AppendUvarint(b, uint64(count)<<1|1)
		b = binary.AppendUvarint(b, uint64(w.offset))
		b = binary.AppendUvarint(b, uint64(len(w.postings)-w.offset))
	}
	w.buffer = b
	return b
}

func (w *termWriter) finishPage() {
	if w.count == 0 {
		return
	}
	start := len(w.pages)
	w.pages = binary.LittleEndian.AppendUint16(w.pages, uint16(w.count))
	for _, offset := range w.offsets {
		w.pages = binary.LittleEndian.AppendUint16(w.pages, offset+uint16(2+2*len(w.offsets)))
	}
	w.pages = append(w.pages, w.terms...)
	w.pages = append(w.pages, make([]byte, pageData-(len(w.pages)-start))...)
	w.table = binary.LittleEndian.AppendUint32(w.table, uint32(w.first))
	w.terms, w.offsets, w.count = w.terms[:0], w.offsets[:0], 0
}

// posting is what a page says of a term's places.
type posting struct {
	count        int
	single       uint32 // the only place
	list         []byte // a short list
	offset, size uint64 // of a long one, in the section of postings
}

// findTerm searches a page for a key. n is the number of places.
func findTerm(page []byte, key Key, n int) (p posting, found bool, err error) {
	d := decoder{b: page}
	head := d.bytes(2)
	if d.err != nil {
		return p, false, d.err
	}
	count := int(binary.LittleEndian.Uint16(head))
	groups := (count + termsPerOffset - 1) / termsPerOffset
	offsets := d.bytes(2 * groups)
	if d.err != nil || count == 0 {
		return p, false, ErrBad
	}
	keyAt := func(group int) (offset int, first Key, ok bool) {
		offset = int(binary.LittleEndian.Uint16(offsets[2*group:]))
		if offset+4 > len(page) {
			return 0, 0, false
		}
		return offset, Key(binary.LittleEndian.Uint32(page[offset:])), true
	}
	bad := false
	group := sort.Search(groups, func(i int) bool {
		_, first, ok := keyAt(i)
		bad = bad || !ok
		return first > key
	}) - 1
	if bad {
		return p, false, ErrBad
	}
	if group < 0 {
		return p, false, nil
	}
	offset, at, _ := keyAt(group)
	d.b = page[offset+4:]
	for i := range min(termsPerOffset, count-group*termsPerOffset) {
		if i > 0 {
			at += Key(d.uvarint())
		}
		if at > key {
			break
		}
		p = readPosting(&d, n)
		if d.err != nil || at == key {
			return p, d.err == nil, d.err
		}
	}
	return p, false, nil
}

// readPosting reads what follows the key of a term. n is the number of places.
func readPosting(d *decoder, n int) (p posting) {
	head := d.uvarint()
	p.count = 1
	if head&1 == 0 {
		if p.single = uint32(head >> 1); head>>1 >= uint64(n) {
			d.fail()
		}
		return p
	}
	if head>>1 > uint64(n) || head>>1 < 2 {
		d.fail()
		return p
	}
	if p.count = int(head >> 1); p.count > maxInline {
		p.offset, p.size = d.uvarint(), d.uvarint()
		return p
	}
	p.list = d.b
	for range p.count {
		d.uvarint()
	}
	p.list = p.list[:len(p.list)-len(d.b)]
	return p
}
