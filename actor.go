package audit

import (
	"encoding/hex"

	"github.com/opendeed/audit/internal/fingerprint"
	"github.com/opendeed/audit/internal/limits"
)

// Actor is who acted. The zero value means "no actor".
type Actor struct {
	// Type is the kind of actor. Zero is "no actor".
	Type ActorType
	// ID identifies the actor among those of its type. Anonymous and unresolved actors
	// have none; all others need one.
	ID string
	// Name is a snapshot for readers, so that the record still makes sense after the
	// account is gone.
	Name string
	// AuthMethod says how the actor was authenticated: "password", "jwt", "oauth2",
	// "api_key", "mtls".
	AuthMethod string
	// SessionID is a bearer secret. A record holds its fingerprint, the first 16
	// hexadecimal digits of its SHA-256, and never the value itself.
	SessionID string
	// Roles are the roles that the actor had at the time.
	Roles []string
	// OnBehalfOf is the actor for whom this one acted, as in impersonation and
	// delegation. Of a chain, a record has the first 8 actors after this one, and a mark if
	// there are more.
	OnBehalfOf *Actor

	// accepted is the fingerprint that SessionID holds, or zero. It is a copy, so that
	// code that replaces SessionID cannot pass a raw session ID off as a fingerprint.
	accepted [fingerprint.Size]byte
}

// User returns the person with the given ID.
func User(id string) Actor { return Actor{Type: ActorUser, ID: id} }

// Service returns the other program with the given ID.
func Service(id string) Actor { return Actor{Type: ActorService, ID: id} }

// System returns the part of this program with the given ID, e.g. "nightly-purge".
func System(id string) Actor { return Actor{Type: ActorSystem, ID: id} }

// Anonymous returns the actor that is deliberately not identified. The provider must
// allow it for the action.
func Anonymous() Actor { return Actor{Type: ActorAnonymous} }

// IsZero reports whether a is no actor.
func (a Actor) IsZero() bool { return a.Type == ActorNone }

// Clone returns a deep copy. Of an OnBehalfOf chain that is too long, it copies only one
// actor more than a record has: so the copy of a circular chain ends, and its record has the
// mark of a long one.
func (a Actor) Clone() Actor {
	return a.clone(limits.Delegation + 1)
}

// FingerprintSession replaces SessionID with its fingerprint, here and in the actors of
// OnBehalfOf. An SDK calls it once for each record, on a copy of the actor. Session IDs
// that a [Snapshot] or a context token already holds as fingerprints stay as they are.
func (a *Actor) FingerprintSession() {
	for ; a != nil; a = a.OnBehalfOf {
		if a.SessionID != "" && !a.fingerprinted() {
			a.SessionID = fingerprint.Of(a.SessionID)
		}
		a.accepted = [fingerprint.Size]byte{} // a record holds nothing else
	}
}

// fingerprinted reports whether SessionID is an accepted fingerprint.
func (a *Actor) fingerprinted() bool {
	return a.accepted != [fingerprint.Size]byte{} && a.SessionID == hex.EncodeToString(a.accepted[:])
}

// acceptFingerprints implements bridge.Functions.AcceptFingerprints.
func (a *Actor) acceptFingerprints() {
	for ; a != nil; a = a.OnBehalfOf {
		if fingerprint.Valid(a.SessionID) {
			_, _ = hex.Decode(a.accepted[:], []byte(a.SessionID)) // never fails
		}
	}
}

func (a Actor) clone(depth int) Actor {
	if a.Roles != nil {
		a.Roles = append([]string(nil), a.Roles...)
	}
	if a.OnBehalfOf == nil {
		return a
	}
	if depth == 0 {
		a.OnBehalfOf = nil
		return a
	}
	next := a.OnBehalfOf.clone(depth - 1)
	a.OnBehalfOf = &next
	return a
}
