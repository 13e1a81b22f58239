// Package bridge lets packages of this module reach parts of package audit that are not for
// applications. Package plumbing documents and exports most of them.
//
// The types of package audit are type parameters, because it imports this package. What
// a function that is called through a variable gets by pointer is allocated on the heap, so
// the functions that each Track call needs get values.
package bridge

import (
	"context"
	"time"

	"github.com/opendeed/audit/internal/reads"
	"github.com/opendeed/audit/internal/scopedata"
	"github.com/opendeed/audit/internal/signal"
	"go.opentelemetry.io/otel/attribute"
)

// Audit is a *Functions with the types of package audit, which sets it.
var Audit any

// Functions are parts of package audit.
type Functions[Actor, Event, Outcome, Scope, Option, Tracker any] struct {
	// Resolve looks for the actor if actorless is true, and returns nil if it has none. A
	// signal does not wait for an actor function for which others have waited in vain.
	Resolve func(ctx context.Context, actorless, signal bool, wait time.Duration) (Resolved[Scope], *Actor, error)
	// Done ends what Resolve began.
	Done func(s *Scope, entered uint64)
	// TakeHung returns how many actor functions did not return in time.
	TakeHung func(s *Scope) int64

	TakeSnapshot func(ctx context.Context, opts []Option) (Snapshot[Actor], error)
	OpenSnapshot func(ctx context.Context, s Snapshot[Actor], opts []Option) (context.Context, *Scope)

	// AcceptFingerprints makes the session IDs of an actor, and of the actors that it acts for,
	// count as fingerprints, which are not fingerprinted again. IDs of another form, and IDs that
	// are replaced later, still count as session IDs. It must be called only for an actor whose
	// signature was verified: otherwise raw session IDs could be stored.
	AcceptFingerprints func(a *Actor)

	Afterwards        func(ctx context.Context) context.Context
	IsAfterwards      func(ctx context.Context) bool // whether ctx comes from Afterwards
	SignalsSuppressed func(ctx context.Context) bool

	// ReadyAsFar considers the fields for which final returns true, or all if it is nil.
	ReadyAsFar func(ctx context.Context, final func(field string) bool) error
	Check      func(ctx context.Context, t Tracker, e Event, final func(field string) bool) error

	Wait        func(ctx context.Context, s *Scope) error
	ExpectEvent func(s *Scope) (done func())

	// OpenScope is audit.NewScope for a scope in memory of the caller's, which is zero.
	OpenScope func(ctx context.Context, s *Scope) context.Context

	// Expect says which event of the scope handlers complete. t tracks it. A nil t lets a
	// request without a route intent have a target.
	Expect             func(s *Scope, t Tracker, a Author[Event])
	WithClientMetadata func(kvs []attribute.KeyValue) Option
	WithSignalLimit    func(n int) Option

	// Said returns what handlers have said of the event of the scope. If final is true, what
	// they say later is an error.
	Said func(s *Scope, final bool) Event
	// Complete returns e with what handlers said of it. The outcome is e's own, the one that they
	// said, or else inferred; it is no success if the work failed.
	Complete func(e, said Event, inferred Outcome, failed bool) Event
	// Report reports an error that no caller receives to t.
	Report func(ctx context.Context, t Tracker, err error)

	// NoteRead notes that objects were read. The scope of ctx tracks them with t when it ends,
	// as one signal for all of the same kind. Without an open scope they are tracked at
	// once, and an error is reported. Objects without an ID are counted.
	NoteRead func(ctx context.Context, t Tracker, kind reads.Kind, objects []reads.Object)

	// Hold offers a signal to a scope. If the result is signal.Hold, the scope keeps e until
	// an intent covers it or the scope ends, fills in its actor if it has none, and calls
	// release once. An intent covers only signals of the provider that reported it.
	Hold func(s *Scope, provider any, e *Event, release func(context.Context, signal.Disposition) error) signal.Disposition
	// Accepted reports to a scope that the intent e was recorded. It covers signals of this
	// scope, of the outer ones, and those that inner scopes pass to this one, and Tracked
	// reports it. Accepted releases the held signals that it covers.
	Accepted func(ctx context.Context, s *Scope, provider any, e Event)

	// WithUnit says that a new scope is that of a unit of work, which is a *held.Unit. The
	// scopes inside it are in the unit too.
	WithUnit func(unit any) Option
	// UnitOf returns the unit of work in which the scope is, or nil.
	UnitOf func(s *Scope) any
	// AcceptedInUnit is Accepted for an intent that a unit of work holds. It reports the
	// intent to the scopes in the unit, and returns how to report it to the scopes around
	// them, or nil if there are none.
	AcceptedInUnit func(ctx context.Context, s *Scope, provider any, e Event) Outward[Event]
	// EndUnit ends the scope of a unit of work. It releases the signals that no intent
	// covers instead of passing them to the outer scope.
	EndUnit func(ctx context.Context, s *Scope, d signal.Disposition) error
}

// Author is who tracks the event that handlers complete.
type Author[Event any] interface {
	// Event returns what is known of the event without the handlers.
	Event() Event
	// Report reports what a handler said in vain.
	Report(ctx context.Context, err error)
}

// Outward reports an intent to the next scopes: those of the next unit of work around it, or
// all that are left. If as is not nil, it reports as instead. It returns how to continue, or
// nil.
type Outward[Event any] func(ctx context.Context, as *Event) Outward[Event]

// Resolved is plumbing.Resolved.
type Resolved[Scope any] struct {
	scopedata.Data         // of the scope
	Scope                  *Scope
	Afterwards, Suppressed bool
	Finishing              [16]byte

	// Entered has a bit for each scope whose End waits for the event, by its distance from
	// Scope. Beyond 64 nested scopes the outermost don't wait.
	Entered uint64
}

// Snapshot is plumbing.Snapshot.
type Snapshot[Actor any] struct {
	scopedata.Data

	Actor Actor
}
