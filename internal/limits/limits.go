// Package limits holds the limits of events that several packages need. Package record
// exports and documents them.
package limits

// The limits.
const (
	Action     = 128       // bytes of an action
	Delegation = 8         // actors in an OnBehalfOf chain
	Sample     = 1000      // IDs in the sample of a bulk change
	Affected   = 1<<53 - 1 // objects of a bulk change, which readers with only doubles can hold
)
