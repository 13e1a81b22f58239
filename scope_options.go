package audit

import (
	"context"

	"github.com/opendeed/audit/internal/limits"
	"github.com/opendeed/audit/internal/resolver"
	"github.com/opendeed/audit/internal/scopedata"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// ScopeOption configures a scope: see [NewScope] and [Scope.Set].
type ScopeOption func(*scopeOptions)

// scopeOptions collects a set of options.
type scopeOptions struct {
	actor       *Actor
	find        resolver.Func[Actor]
	principal   resolver.PrincipalFunc[Actor]
	draft       *draft
	without     []attribute.Key
	data        scopedata.Data // to be added
	signalLimit int
	unit        any
}

// AsActor sets the actor of the scope. A zero actor sets none. Use [WithActor] if the
// actor must be looked up.
func AsActor(a Actor) ScopeOption {
	return func(o *scopeOptions) {
		a = a.Clone()
		o.actor = &a
	}
}

// WithActor sets a function that finds the actor of the scope. It is called when the
// first event needs the actor, with the values of that Track call's context and the track
// timeout as its deadline.
//
// The scope keeps the actor that f returns. If f returns an error, panics, or tracks an
// event in the same scope, Track returns an [*ActorError]. If f returns a zero actor and
// no error, nobody acts: intents fail with ErrNoActor, whoever acts in the outer scope. If
// that is who acts, f returns plumbing.ErrInherit.
//
// f is never called after End has returned, so it may close over what a framework reuses,
// as long as it respects its deadline.
func WithActor(f func(context.Context) (Actor, error)) ScopeOption {
	return func(o *scopeOptions) { o.find = f }
}

// WithChannel sets how the actor reached the service, e.g. "api", "admin", "job".
func WithChannel(channel string) ScopeOption {
	return func(o *scopeOptions) { o.data.Channel = channel }
}

// WithTenant sets the customer or organization of the scope's events.
func WithTenant(tenant string) ScopeOption {
	return func(o *scopeOptions) { o.data.Tenant = tenant }
}

// WithScopeMetadata adds metadata to every event of the scope.
func WithScopeMetadata(kvs ...attribute.KeyValue) ScopeOption {
	return func(o *scopeOptions) { o.data.Metadata = append(o.data.Metadata, kvs...) }
}

// withClientMetadata implements plumbing.WithClientMetadata.
func withClientMetadata(kvs []attribute.KeyValue) ScopeOption {
	return func(o *scopeOptions) {
		o.data.Metadata = append(o.data.Metadata, kvs...)
		for _, kv := range kvs {
			if limits.ExceedsClientText(kv.Value) {
				o.data.Marks = append(o.data.Marks, mark.Mark{Path: "metadata." + string(kv.Key), Kind: mark.Client})
			}
		}
	}
}

// WithoutMetadata removes keys from the metadata that the scope inherited or was given so
// far, and from what was overridden; what the same call adds stays. It is for
// what must not be recorded and was learned too late, such as a secret in a path whose route
// was not known.
func WithoutMetadata(keys ...attribute.Key) ScopeOption {
	return func(o *scopeOptions) { o.without = append(o.without, keys...) }
}

// withSignalLimit implements plumbing.WithSignalLimit.
func withSignalLimit(n int) ScopeOption {
	return func(o *scopeOptions) { o.signalLimit = max(n, 0) + 1 }
}

// apply applies o. s.mu is held.
func (s *Scope) apply(o *scopeOptions) {
	if o.actor != nil {
		s.who.SetActor(o.actor)
	}
	if o.find != nil {
		s.who.SetFunc(o.find)
	}
	if o.principal != nil {
		s.who.SetPrincipalFunc(o.principal)
	}
	if o.draft != nil {
		o.draft.inherit(s.draft)
		s.draft = o.draft
	}
	if o.unit != nil {
		s.unit = o.unit
	}
	if o.signalLimit > 0 {
		s.signals.Limit = o.signalLimit - 1
	}
	s.data.Apply(o.without, &o.data)
}
