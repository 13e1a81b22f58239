package record

import (
	"time"

	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/internal/limits"
)

// The limits of a record, in bytes unless noted otherwise.
const (
	// MaxActionLength is the length of the longest action.
	MaxActionLength = limits.Action
	// MaxKeyLength is the length of the longest metadata key.
	MaxKeyLength = 256
	// MaxNameLength is how much of a name, of a target's ID or of a change's field is
	// kept. Longer text is cut and marked.
	MaxNameLength = 1024
	// MaxDelegation is how many actors an OnBehalfOf chain may have.
	MaxDelegation = limits.Delegation
	// MaxSample is how many IDs of a bulk change's sample a record keeps.
	MaxSample = limits.Sample
	// MaxAffected is the largest number of objects of a bulk change: 2^53-1, which every
	// reader of JSON can represent.
	MaxAffected = limits.Affected
	// MaxNesting is how many slices and maps of an event may enclose one another.
	MaxNesting = 32
	// MaxEncodedNesting is MaxNesting for a stored value. It is greater, so that a higher
	// limit for events needs no new format.
	MaxEncodedNesting = canonical.MaxNesting
)

// ValidTime reports whether a record can have the time t, which must be in the years 1970
// to 9999.
func ValidTime(t time.Time) bool { return canonical.ValidTime(t) }
