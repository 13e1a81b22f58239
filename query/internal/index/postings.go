package index

import (
	"encoding/binary"
	"math/bits"
)

// Places is a set of places, either a sorted list or a bitmap.
type Places struct {
	list   []uint32
	bitmap []byte // if not nil
	n      int    // number of places
}

// Len returns the number of places.
func (p *Places) Len() int { return p.n }

// NoPlaces and AllPlaces return the sets that have none, and all of n places.
func NoPlaces() *Places { return &Places{} }

// AllPlaces returns the set of the first n places.
func AllPlaces(n int) *Places {
	p := &Places{bitmap: make([]byte, (n+7)/8), n: n}
	for i := range p.bitmap {
		p.bitmap[i] = 0xff
	}
	if n%8 != 0 {
		p.bitmap[len(p.bitmap)-1] = 1<<(n%8) - 1
	}
	return p
}

// Has reports whether a place is in the set. It is for bitmaps; of lists use Range.
func (p *Places) has(place int) bool { return p.bitmap[place/8]>>(place%8)&1 != 0 }

// Range calls yield with the places from one to before another, in order.
func (p *Places) Range(from, to int, yield func(place int)) {
	if p.bitmap == nil {
		for _, place := range p.list[lowerBound(p.list, from):] {
			if int(place) >= to {
				return
			}
			yield(int(place))
		}
		return
	}
	for at := from / 8; at < len(p.bitmap) && at*8 < to; at++ {
		for b := p.bitmap[at]; b != 0; b &= b - 1 {
			if place := at*8 + bits.TrailingZeros8(b); place >= from && place < to {
				yield(place)
			}
		}
	}
}

func lowerBound(list []uint32, place int) int {
	low, high := 0, len(list)
	for low < high {
		if mid := (low + high) / 2; int(list[mid]) < place {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// Any reports whether a place from one to before another is in the set.
func (p *Places) Any(from, to int) bool {
	if p.bitmap == nil {
		at := lowerBound(p.list, from)
		return at < len(p.list) && int(p.list[at]) < to
	}
	found := false
	p.Range(from, to, func(int) { found = true })
	return found
}

// And returns the places that both sets have.
func (p *Places) And(q *Places) *Places {
	if p.bitmap == nil && q.bitmap != nil || p.bitmap == nil && q.bitmap == nil && len(q.list) < len(p.list) {
		p, q = q, p
	}
	both := &Places{}
	switch {
	case q.bitmap != nil:
		both.bitmap = make([]byte, min(len(p.bitmap), len(q.bitmap)))
		for i := range both.bitmap {
			both.bitmap[i] = p.bitmap[i] & q.bitmap[i]
			both.n += bits.OnesCount8(both.bitmap[i])
		}
		return both
	case p.bitmap != nil:
		for _, place := range q.list {
			if int(place)/8 < len(p.bitmap) && p.has(int(place)) {
				both.list = append(both.list, place)
			}
		}
	default:
		for _, place := range p.list {
			if at := lowerBound(q.list, int(place)); at < len(q.list) && q.list[at] == place {
				both.list = append(both.list, place)
			}
		}
	}
	both.n = len(both.list)
	return both
}

// Or returns the places that a set has, of n places in all.
func (p *Places) Or(q *Places, n int) *Places {
	if q.n == 0 {
		return p
	}
	if p.n == 0 {
		return q
	}
	either := &Places{bitmap: make([]byte, (n+7)/8)}
	for _, from := range []*Places{p, q} {
		from.Range(0, n, func(place int) { either.bitmap[place/8] |= 1 << (place % 8) })
	}
	for _, b := range either.bitmap {
		either.n += bits.OnesCount8(b)
	}
	return either
}

// isDense reports whether count places of n are stored as a bitmap.
func isDense(count, n int) bool { return count > n/8 }

// appendPlaces appends a sorted list of places without duplicates: a bitmap, or the first
// place and the distances.
func appendPlaces(b []byte, list []uint32, n int) []byte {
	if isDense(len(list), n) {
		start := len(b)
		b = append(b, make([]byte, (n+7)/8)...)
		for _, place := range list {
			b[start+int(place)/8] |= 1 << (place % 8)
		}
		return b
	}
	return appendList(b, list)
}

func appendList(b []byte, list []uint32) []byte {
	last := uint32(0)
	for _, place := range list {
		b = binary.AppendUvarint(b, uint64(place-last))
		last = place
	}
	return b
}

// readPlaces reverses appendPlaces for a list of count places of n.
func readPlaces(d *decoder, count, n int) *Places {
	if isDense(count, n) {
		p := &Places{bitmap: d.bytes((n + 7) / 8)}
		for i, b := range p.bitmap {
			if i == n/8 && b>>(n%8) != 0 {
				d.fail()
			}
			p.n += bits.OnesCount8(b)
		}
		if p.n != count {
			d.fail()
		}
		return p
	}
	return readList(d, count, n)
}

// readList reverses appendList.
func readList(d *decoder, count, n int) *Places {
	if count > len(d.b) {
		d.fail()
		return NoPlaces()
	}
	p := &Places{list: make([]uint32, count), n: count}
	at, b := uint64(0), d.b
	for i := range p.list {
		delta, size := uvarint(b)
		if size <= 0 {
			d.fail()
			return NoPlaces()
		}
		b = b[size:]
		if at += delta; delta >= uint64(n) || at >= uint64(n) || i > 0 && delta == 0 {
			d.fail()
			return NoPlaces()
		}
		p.list[i] = uint32(at)
	}
	d.b = b
	return p
}
