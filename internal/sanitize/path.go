package sanitize

import (
	"strconv"
	"strings"
)

// maxFieldKey is how much of a key an error shows.
const maxFieldKey = 64

// FieldPath names a field for errors and marks. It shows the length of a key that is
// not printable ASCII, or is too long, and not the key, which may hold anything.
func FieldPath(parent, key string) string {
	if key == "" || len(key) > maxFieldKey {
		return parent + "[" + strconv.Itoa(len(key)) + " bytes]"
	}
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c > '~' {
			return parent + "[" + strconv.Itoa(len(key)) + " bytes]"
		}
	}
	return parent + "." + key
}

// ActorPath names a field of the actor at the given depth of an OnBehalfOf chain.
func ActorPath(depth int, field string) string {
	return "actor." + strings.Repeat("on_behalf_of.", depth) + field
}
