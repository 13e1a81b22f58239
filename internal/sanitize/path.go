package sanitize

import (
	"strconv"
	"strings"
)

// maxFieldKey is the length of the longest key that an error shows, in bytes.
const maxFieldKey = 64

// FieldPath returns the path of a field for errors and marks. The key is escaped, as it is
// in a record. If it is empty, too long or not printable ASCII, the path has its length
// instead: parent[12 bytes].
func FieldPath(parent, key string) string {
	key = Escape(key, Line)
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

// ActorPath returns the path of a field of the actor at the given depth of an OnBehalfOf
// chain, which starts at 0.
func ActorPath(depth int, field string) string {
	return "actor." + strings.Repeat("on_behalf_of.", depth) + field
}
