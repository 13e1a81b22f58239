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
	// MaxSize is the length of the longest canonical JSON of a record that the SDK delivers.
	MaxSize = 65_535
	// MaxReadValue is how much the SDK reads of one value. It discards the rest unread.
	MaxReadValue = 1 << 20
	// MaxKeyLength is the length of the longest key. A longer one is cut and marked.
	MaxKeyLength = 256
	// MaxNameLength is the limit for each name, ID, type, role, tenant and channel, and for
	// the field of a change. Longer text is cut and marked.
	MaxNameLength = 1024
	// MaxClientText is the limit for each text of metadata that a client sent: see
	// plumbing.WithClientMetadata.
	MaxClientText = limits.ClientText
	// MaxDelegation is the maximum number of actors in an OnBehalfOf chain, without the
	// first.
	MaxDelegation = limits.Delegation
	// MaxSample is the maximum number of IDs in the sample of a bulk change. Further IDs
	// are dropped and the sample is marked.
	MaxSample = limits.Sample
	// MaxAffected is the largest number of objects of a bulk change: 2^53-1, which every
	// reader of JSON can represent.
	MaxAffected = limits.Affected
	// MaxCount is the largest count or length of a mark, for the same reason.
	MaxCount = canonical.MaxCount
	// MaxNesting is how deep slices and maps of an event may be nested.
	MaxNesting = 32
	// MaxEncodedNesting is how deep slices and maps in the JSON of a record may be nested.
	// It is greater than MaxNesting, so that raising that limit needs no new format.
	MaxEncodedNesting = canonical.MaxNesting
)

// ValidTime reports whether a record can have the time t, which must be in the years 1970
// to 9999.
func ValidTime(t time.Time) bool { return canonical.ValidTime(t) }
