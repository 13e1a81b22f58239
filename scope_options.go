package audit

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// ScopeOption configures a scope, when it is opened or later.
type ScopeOption func(*scopeOptions)

// scopeOptions is what a set of options says.
type scopeOptions struct {
	actor       *Actor
	resolver    func(context.Context) (Actor, error)
	channel     string
	tenant      string
	target      *Target
	without     []attribute.Key
	metadata    []attribute.KeyValue
	marked      []string
	signalLimit int
}

// WithActor states who acts in the scope. A zero actor states nothing.
func WithActor(a Actor) ScopeOption {
	return func(o *scopeOptions) {
		a = a.Clone()
		o.actor = &a
	}
}

// WithActorFunc sets a resolver: it is called when the first event needs the
// actor, with the values of that Track call's context and the track timeout as
// its deadline. Success is kept for the scope; an error, a panic, or a resolver
// that tracks an event in the same scope, is the error of the Track call. A zero
// actor without an error means that there is none here: the outer scope is asked.
//
// It is never called after End has returned, so that it may close over what a
// framework reuses; one that ignores its deadline loses that protection.
func WithActorFunc(f func(context.Context) (Actor, error)) ScopeOption {
	return func(o *scopeOptions) { o.resolver = f }
}

// WithChannel states the way by which the actor came, e.g. "api", "admin", "job".
func WithChannel(channel string) ScopeOption {
	return func(o *scopeOptions) { o.channel = channel }
}

// WithTenant states the customer or organisation of the scope's events.
func WithTenant(tenant string) ScopeOption {
	return func(o *scopeOptions) { o.tenant = tenant }
}

// WithScopeMetadata adds metadata to every event of the scope.
func WithScopeMetadata(kvs ...attribute.KeyValue) ScopeOption {
	return func(o *scopeOptions) { o.metadata = append(o.metadata, kvs...) }
}

// WithClientMetadata is WithScopeMetadata for what a client sent and could have
// forged: text is cut to MaxClientText bytes and made valid UTF-8 without control
// characters, and what was changed is listed in the record's marks. It never
// makes an event fail.
func WithClientMetadata(kvs ...attribute.KeyValue) ScopeOption {
	return func(o *scopeOptions) {
		o.metadata = slices.Grow(o.metadata, len(kvs))
		for _, kv := range kvs {
			value, changed := cleanClientValue(kv.Value)
			if changed {
				o.marked = append(o.marked, "metadata."+string(kv.Key))
			}
			o.metadata = append(o.metadata, attribute.KeyValue{Key: kv.Key, Value: value})
		}
	}
}

// WithoutMetadata takes keys away from what the scope inherited or was given so
// far, and from what was overridden; what the same call adds stays. It is for an
// integration that learns that it recorded what it should not have, such as the
// secret in a path whose route was not known yet.
func WithoutMetadata(keys ...attribute.Key) ScopeOption {
	return func(o *scopeOptions) { o.without = append(o.without, keys...) }
}

// WithSignalLimit sets how many signals the scope holds; further ones pass at
// once and are marked. The default is DefaultSignalLimit; zero holds none.
func WithSignalLimit(n int) ScopeOption {
	return func(o *scopeOptions) { o.signalLimit = max(n, 0) + 1 }
}

// apply takes over what o says. s.mu is held.
func (s *Scope) apply(o *scopeOptions) {
	if o.actor != nil {
		if s.actor = o.actor; s.actor.IsZero() {
			s.actor = nil
		}
	}
	if o.resolver != nil {
		s.resolver = o.resolver
	}
	if o.channel != "" {
		s.channel = o.channel
	}
	if o.tenant != "" {
		s.tenant = o.tenant
	}
	if o.target != nil {
		s.target = *o.target
	}
	if o.signalLimit > 0 {
		s.signals.limit = o.signalLimit - 1
	}
	if len(o.without) > 0 {
		s.forget(o.without)
	}
	if len(o.metadata) > 0 {
		s.metadata, s.overridden = mergeScopeMetadata(s.metadata, s.overridden, o.metadata)
	}
	if len(o.marked) > 0 {
		s.marked = slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.marked, o.marked))))
	}
}

// forget takes keys away. s.mu is held.
func (s *Scope) forget(keys []attribute.Key) {
	known := func(kv attribute.KeyValue) bool { return slices.Contains(keys, kv.Key) }
	s.metadata = slices.DeleteFunc(slices.Clone(s.metadata), known)
	s.overridden = slices.DeleteFunc(slices.Clone(s.overridden), known)
	s.marked = slices.DeleteFunc(slices.Clone(s.marked), func(path string) bool {
		_, key, _ := strings.Cut(path, ".")
		return slices.Contains(keys, attribute.Key(key))
	})
}
