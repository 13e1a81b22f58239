package index

import (
	"encoding/binary"
	"math/bits"
	"slices"
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

// has is contains for a bitmap that is large enough.
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

// Dense returns the same set, of n places, in the form in which looking up one is fastest.
func (p *Places) Dense(n int) *Places {
	if p.bitmap != nil {
		return p
	}
	dense := &Places{bitmap: make([]byte, (n+7)/8), n: p.n}
	for _, place := range p.list {
		dense.bitmap[place/8] |= 1 << (place % 8)
	}
	return dense
}

// size returns a number of places that are enough for all of the set.
func (p *Places) size() int {
	if p.bitmap != nil {
		return 8 * len(p.bitmap)
	}
	if len(p.list) == 0 {
		return 0
	}
	return int(p.list[len(p.list)-1]) + 1
}

// contains reports whether a place is in the set.
func (p *Places) contains(place int) bool {
	if p.bitmap != nil {
		return place/8 < len(p.bitmap) && p.has(place)
	}
	at := lowerBound(p.list, place)
	return at < len(p.list) && int(p.list[at]) == place
}

// Minus returns the places that p has and q does not.
func (p *Places) Minus(q *Places) *Places {
	if p.n == 0 || q.n == 0 {
		return p
	}
	rest := &Places{n: p.n}
	if p.bitmap == nil {
		for _, place := range p.list {
			if !q.contains(int(place)) {
				rest.list = append(rest.list, place)
			}
		}
		rest.n = len(rest.list)
		return rest
	}
	rest.bitmap = slices.Clone(p.bitmap)
	if q.bitmap == nil {
		for _, place := range q.list {
			if rest.contains(int(place)) {
				rest.bitmap[place/8] &^= 1 << (place % 8)
				rest.n--
			}
		}
		return rest
	}
	rest.n = 0
	for i := range rest.bitmap {
		if i < len(q.bitmap) {
			rest.bitmap[i] &^= q.bitmap[i]
		}
		rest.n += bits.OnesCount8(rest.bitmap[i])
	}
	return rest
}

// AndLen returns how many places both sets have.
func (p *Places) AndLen(q *Places) (n int) {
	if q.bitmap == nil && (p.bitmap != nil || len(q.list) < len(p.list)) {
		p, q = q, p
	}
	switch {
	case p.bitmap != nil: // both
		a, b := p.bitmap, q.bitmap
		for ; len(a) >= 8 && len(b) >= 8; a, b = a[8:], b[8:] {
			n += bits.OnesCount64(binary.LittleEndian.Uint64(a) & binary.LittleEndian.Uint64(b))
		}
		for i := range min(len(a), len(b)) {
			n += bits.OnesCount8(a[i] & b[i])
		}
	case q.bitmap == nil && len(p.list) > len(q.list)/16: // merged
		at := 0
		for _, place := range p.list {
			for at < len(q.list) && q.list[at] < place {
				at++
			}
			if at < len(q.list) && q.list[at] == place {
				n++
			}
		}
	default:
		for _, place := range p.list {
			if q.contains(int(place)) {
				n++
			}
		}
	}
	return n
}

// CountIn returns how many places from one to before another are in the set.
func (p *Places) CountIn(from, to int) (n int) {
	if p.bitmap == nil {
		return lowerBound(p.list, to) - lowerBound(p.list, from)
	}
	to = min(to, 8*len(p.bitmap))
	for ; from < to && from%8 != 0; from++ {
		n += int(p.bitmap[from/8] >> (from % 8) & 1)
	}
	for ; from+64 <= to; from += 64 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(p.bitmap[from/8:]))
	}
	for ; from+8 <= to; from += 8 {
		n += bits.OnesCount8(p.bitmap[from/8])
	}
	for ; from < to; from++ {
		n += int(p.bitmap[from/8] >> (from % 8) & 1)
	}
	return n
}

// Collect returns the set of the places that fill adds, of n in all: those from one to before
// another, with each call.
func Collect(n int, fill func(add func(from, to int))) *Places {
	p := &Places{bitmap: make([]byte, (n+7)/8)}
	fill(func(from, to int) {
		for place := from; place < min(to, n); place++ {
			if place%8 == 0 && place+8 <= min(to, n) {
				p.bitmap[place/8] = 0xff
				place += 7
				continue
			}
			p.bitmap[place/8] |= 1 << (place % 8)
		}
	})
	for _, b := range p.bitmap {
		p.n += bits.OnesCount8(b)
	}
	return p
}
