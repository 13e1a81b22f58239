package index

import (
	"encoding/binary"
	"math/bits"
)

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
