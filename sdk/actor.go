package sdk

import "github.com/opendeed/audit"

// ownActor makes a share nothing with the event, and replaces session IDs by fingerprints.
func ownActor(a *audit.Actor) {
	if a.Roles != nil || a.OnBehalfOf != nil {
		*a = a.Clone()
	}
	a.FingerprintSession()
}
