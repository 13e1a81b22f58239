// Package party says who caused a record, so that each party has a budget of its own.
package party

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Class is the budget that a record uses.
type Class uint8

const (
	// Trusted is every record of an authenticated actor, except denials and the like.
	Trusted Class = iota
	// Denied is a denial, a failed login, a rejection or a missing event of an
	// authenticated actor.
	Denied
	// Anonymous is a record that somebody without an account can cause.
	Anonymous
	// Classes is the number of classes.
	Classes
)

// String returns the name of the class for errors, files and metrics.
func (c Class) String() string {
	switch c {
	case Trusted:
		return "trusted"
	case Denied:
		return "denials"
	case Anonymous:
		return "anonymous"
	case Classes:
	}
	return "unknown"
}

// Party identifies who caused a record: an actor of a tenant, or the network of an
// anonymous client. It is comparable, and small whatever a client sends.
type Party struct {
	Class Class
	// Network is the network of an anonymous client, /24 or /64. The clients whose address
	// is unknown are one party.
	Network netip.Prefix
	actor   [sha256.Size]byte // of an authenticated actor
}

// Of returns the party of a record that was not redacted yet.
func Of(r *record.Record) Party {
	if !authenticated(&r.Actor) {
		network := networkOf(r.Metadata)
		if !Repeatable(r) && r.Kind == audit.KindSignal && !network.IsValid() {
			return Party{} // the application's own write, outside any request
		}
		return Party{Class: Anonymous, Network: network}
	}
	if !Repeatable(r) {
		return Party{}
	}
	return Party{Class: Denied, actor: actorKey(r)}
}

// OfAttempt returns the party of a record that begins an attempt, also of a trusted one.
func OfAttempt(r *record.Record) Party {
	p := Of(r)
	if p.Class == Trusted {
		p.actor = actorKey(r)
	}
	return p
}

// Repeatable reports whether the record says that something did not happen, or was not
// recorded. Whoever wants to can cause such records by the thousand without changing
// anything, and one more of them tells little.
func Repeatable(r *record.Record) bool {
	switch {
	case r.Outcome == audit.OutcomeDenied:
		return true
	case r.Operation == audit.OperationLogin && r.Outcome == audit.OutcomeFailure:
		return true
	}
	return r.Action == semconv.ActionCoverageMissing || r.Action == semconv.ActionRejected
}

func authenticated(a *audit.Actor) bool {
	return !a.IsZero() && a.Type != audit.ActorAnonymous && a.Type != audit.ActorUnresolved
}

// actorKey returns a hash of the actor's type, ID and tenant, which may be long.
func actorKey(r *record.Record) [sha256.Size]byte {
	b := make([]byte, 0, 128)
	b = append(b, byte(r.Actor.Type))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(r.Tenant)))
	b = append(b, r.Tenant...)
	return sha256.Sum256(append(b, r.Actor.ID...))
}

// Bits of the networks that count as one party. Providers give a customer at least that
// much.
const (
	bits4 = 24
	bits6 = 64
)

// networkOf returns the network of the client's address, or the zero prefix.
func networkOf(metadata []attribute.KeyValue) netip.Prefix {
	for i := range metadata {
		if metadata[i].Key != semconv.ClientAddressKey || metadata[i].Value.Type() != attribute.STRING {
			continue
		}
		text := metadata[i].Value.AsString()
		addr, err := netip.ParseAddr(text)
		if err != nil {
			withPort, err := netip.ParseAddrPort(text)
			if err != nil {
				return netip.Prefix{}
			}
			addr = withPort.Addr()
		}
		addr = addr.Unmap().WithZone("")
		bits := bits6
		if addr.Is4() {
			bits = bits4
		}
		network, _ := addr.Prefix(bits) // has as many bits
		return network
	}
	return netip.Prefix{}
}

// Room is what is left of a party's share.
type Room uint8

const (
	// Enough means that there is room for another record.
	Enough Room = iota
	// PartyFull means that the party has used up its own part of the share.
	PartyFull
	// ClassFull means that the share of all parties of the class is used up, or that what
	// remains of the ledger is reserved for trusted records.
	ClassFull
	// LedgerFull means that what is reserved is half used, too.
	LedgerFull
)

type contextKey struct{}

// NewContext returns a context that says whose record is delivered.
func NewContext(ctx context.Context, p Party) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns the party of NewContext, or a trusted one.
func FromContext(ctx context.Context) Party {
	p, _ := ctx.Value(contextKey{}).(Party)
	return p
}
