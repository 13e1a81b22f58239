package index

import "encoding/binary"

// The functions of this file look at eight characters at once, each in a byte of a number.
const (
	ones     = 0x0101_0101_0101_0101
	highBits = 0x8080_8080_8080_8080
)

// isPlainText reports whether JSON, which ends where its first value does, is a text that is not
// empty, of ASCII without escapes.
func isPlainText(json []byte) bool {
	if len(json) <= len(`""`) || json[0] != '"' {
		return false
	}
	for text := json[1 : len(json)-1]; ; text = text[8:] {
		if len(text) < 8 {
			return isPlain(padded(text))
		}
		if !isPlain(binary.LittleEndian.Uint64(text)) {
			return false
		}
	}
}

// padded returns up to eight characters, and spaces after them.
func padded(text []byte) uint64 {
	room := [8]byte([]byte("        "))
	copy(room[:], text)
	return binary.LittleEndian.Uint64(room[:])
}

// isPlain reports whether all of eight characters are ASCII, and none is a backslash or a control
// character.
func isPlain(w uint64) bool { return (w|(w-' '*ones))&highBits|hasByte(w, '\\') == 0 }

// hasByte returns a number whose lowest bit is in the first byte of w that is c; it is zero if
// none is.
func hasByte(w uint64, c byte) uint64 {
	w ^= ones * uint64(c)
	return (w - ones) &^ w & highBits
}

// between returns a number with the highest bit of each byte of w that is from one to another. All
// are ASCII.
func between(w uint64, from, to byte) uint64 {
	return (w + ones*uint64(0x80-from)) &^ (w + ones*uint64(0x80-to-1)) & highBits
}

// isHex reports whether a text has lower-case hexadecimal digits only, not all zero. Their number
// is one of eights.
func isHex(text []byte) bool {
	zero := true
	for len(text) > 0 {
		w := binary.LittleEndian.Uint64(text)
		text = text[8:]
		if w&highBits != 0 || between(w, '0', '9')|between(w, 'a', 'f') != highBits {
			return false
		}
		zero = zero && w == ones*'0'
	}
	return !zero
}

// isUUID reports whether a text is a UUID that is not zero.
func isUUID(text []byte) bool {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	var digits [32]byte
	copy(digits[:8], text)
	copy(digits[8:12], text[9:])
	copy(digits[12:16], text[14:])
	copy(digits[16:20], text[19:])
	copy(digits[20:], text[24:])
	return isHex(digits[:])
}

// upper returns eight ASCII characters in upper case.
func upper(w uint64) uint64 {
	return w - between(w, 'a', 'z')>>2
}
