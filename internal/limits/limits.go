// Package limits holds the limits of events that several packages need. Package record
// exports and documents them.
package limits

import "go.opentelemetry.io/otel/attribute"

// The limits.
const (
	Action     = 128       // bytes of an action
	Delegation = 8         // actors in an OnBehalfOf chain
	ClientText = 512       // bytes of a text of metadata that a client sent
	Sample     = 1000      // IDs in the sample of a bulk change
	Affected   = 1<<53 - 1 // objects of a bulk change, which readers with only doubles can hold
)

// ExceedsClientText reports whether a text in v may be longer than ClientText.
func ExceedsClientText(v attribute.Value) bool {
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString()) > ClientText
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return false
	default:
		return true // the SDK looks into it
	}
}
