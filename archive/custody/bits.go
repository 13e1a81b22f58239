package custody

import "math/bits"

// set is a set of sequence numbers, with a bit for each up to the largest.
type set []uint64

// add adds a number, and reports whether the set had it not.
func (s *set) add(n uint64) bool {
	word, bit := n/64, uint64(1)<<(n%64)
	for uint64(len(*s)) <= word {
		*s = append(*s, make([]uint64, word+1-uint64(len(*s)))...)
	}
	if (*s)[word]&bit != 0 {
		return false
	}
	(*s)[word] |= bit
	return true
}

// has reports whether the set has a number.
func (s set) has(n uint64) bool { return n/64 < uint64(len(s)) && s[n/64]&(1<<(n%64)) != 0 }

// count returns how many numbers from first to last the set has.
func (s set) count(first, last uint64) (n int64) {
	for word := first / 64; word <= last/64 && word < uint64(len(s)); word++ {
		w := s[word]
		if word == first/64 {
			w &= ^uint64(0) << (first % 64)
		}
		if word == last/64 {
			w &= ^uint64(0) >> (63 - last%64)
		}
		n += int64(bits.OnesCount64(w))
	}
	return n
}
