package index

import (
	"encoding/binary"
	"math/bits"
)

// Key is the hash of a term, of keyBits bits. Different terms may have the same key.
type Key uint32

// keyBits is small, since most terms of an index take up little more than the distance between
// two keys. Of a hundred million terms, one or two have the key that is looked up.
const keyBits = 26

// Hasher computes keys. It depends on the ledger, so that nobody who chooses the IDs of
// records can choose many with the same key.
type Hasher struct{ a, b uint64 }

// NewHasher returns the Hasher of the ledger with an ID.
func NewHasher(ledger [16]byte) Hasher {
	return Hasher{
		a: binary.LittleEndian.Uint64(ledger[:]) ^ 0x9e37_79b9_7f4a_7c15,
		b: binary.LittleEndian.Uint64(ledger[8:]) | 1,
	}
}

// Term returns the key of a text in a field.
func (h Hasher) Term(f Field, text []byte) Key { return h.Pair(f, text, nil) }

// Pair returns the key of two texts in a field, such as a name and its value.
func (h Hasher) Pair(f Field, name, value []byte) Key {
	state := h.named(f, name)
	if value != nil {
		return h.valued(state, value)
	}
	return key(state)
}

// named returns the state after the first text, and valued the key after the second one.
func (h Hasher) named(f Field, name []byte) (state uint64) {
	return h.add(h.a^uint64(f)*0xff51_afd7_ed55_8ccd, name)
}

func (h Hasher) valued(state uint64, value []byte) Key { return key(h.add(state, value)) }

func key(state uint64) Key { return Key(mix(state, 0xc4ce_b9fe_1a85_ec53) >> (64 - keyBits)) }

// add mixes a text and its length into the state.
func (h Hasher) add(state uint64, text []byte) uint64 {
	state ^= uint64(len(text))
	rest := text
	for len(rest) >= 8 {
		state = mix(state^binary.LittleEndian.Uint64(rest), h.b)
		rest = rest[8:]
	}
	var last uint64
	if len(text) >= 8 { // it is the end of the last eight bytes
		last = binary.LittleEndian.Uint64(text[len(text)-8:]) >> (8 * (8 - len(rest)))
	} else {
		for i, c := range rest {
			last |= uint64(c) << (8 * i)
		}
	}
	return mix(state^last, h.b^0xe703_7ed1_a0b4_28db)
}

// mix multiplies two numbers and mixes both halves of the product.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0xa076_1d64_78bd_642f, b)
	return high ^ low
}
