package record

import (
	"time"

	"github.com/opendeed/audit/internal/canonical"
)

// The limits of a record, in bytes unless noted otherwise.
const (
	// MaxKeyLength is the maximum length of a key of metadata.
	MaxKeyLength = 256
	// MaxNameLength is the maximum length of a name, of the ID of a target and of the
	// field of a change. Longer text is cut and marked.
	MaxNameLength = 1024
	// MaxNesting is how many slices and maps of an event may enclose one another.
	MaxNesting = 32
	// MaxEncodedNesting is MaxNesting for a stored value. It is greater, so that a
	// higher limit for events needs no new format.
	MaxEncodedNesting = canonical.MaxNesting
)

// ValidTime reports whether a record can have the time: whether it is in the years 1970
// to 9999.
func ValidTime(t time.Time) bool { return canonical.ValidTime(t) }
