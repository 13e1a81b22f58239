package uuid

import "encoding/hex"

// TextSize is the length of the canonical text form.
const TextSize = 36

// Encode writes the canonical text form of id. It uses a table because every record has an
// ID.
func Encode(dst *[TextSize]byte, id [16]byte) {
	dst[8], dst[13], dst[18], dst[23] = '-', '-', '-', '-'
	for i, at := range [len(id)]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		pair := &hexPairs[id[i]]
		dst[at], dst[at+1] = pair[0], pair[1]
	}
}

// Decode parses the canonical text form: 36 characters, lower case, with hyphens. It
// reports false for anything else.
func Decode(text []byte) (id [16]byte, ok bool) {
	if len(text) != TextSize || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	at := 0
	for i := range id {
		switch at {
		case 8, 13, 18, 23:
			at++
		}
		hi, lo := fromHex[text[at]], fromHex[text[at+1]]
		if hi > 15 || lo > 15 {
			return [16]byte{}, false
		}
		id[i] = hi<<4 | lo
		at += 2
	}
	return id, true
}

// hexPairs has the two digits of each byte.
var hexPairs = func() (pairs [256][2]byte) {
	for i := range pairs {
		hex.Encode(pairs[i][:], []byte{byte(i)})
	}
	return pairs
}()

// fromHex has the values of the lower-case digits, and 255 for what is none. It is a table
// since digits and letters alternate at random.
var fromHex = func() (values [256]byte) {
	for i := range values {
		values[i] = 0xff
	}
	for value, c := range []byte("0123456789abcdef") {
		values[c] = byte(value)
	}
	return values
}()
