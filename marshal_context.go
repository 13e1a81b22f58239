package audit

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

const (
	// MaxContextToken is the length of the longest token, in bytes.
	MaxContextToken = 16 << 10
	// ContextClockSkew is how far the clocks of the two sides may be apart: a token is
	// taken for that long before it was made and after it has expired.
	ContextClockSkew = 30 * time.Second
)

// Metadata of a scope that comes from a token, beside what the token carries.
const (
	// ContextIDKey is the id of the token. Where a job passes its context on in
	// another token, the id of the first is in the record's overridden metadata.
	ContextIDKey = attribute.Key("audit.context.id")
	// ContextChannelKey is the channel of the scope where the first token was made,
	// e.g. "api", since the channel of a job is "job".
	ContextChannelKey = attribute.Key("audit.context.channel")
)

// channelJob is semconv.ChannelJob, which cannot be imported here.
const channelJob = "job"

// MarshalContext returns the audit context of ctx as a token, for a job that is run
// elsewhere or later: compact text, safe in the header of a message. It carries what
// [Detach] would keep with the same options: the actor, who is resolved now, the
// tenant, the metadata, and the channel as metadata (see ContextChannelKey). Session
// ids go as the fingerprints that records have.
//
// The token is signed, not encrypted, and its metadata are not redacted: whoever
// reads the queue reads them. WithoutMetadata leaves out what should not be there.
// The trace is not in it; OpenTelemetry's propagator carries that beside it.
//
// The token is good for one audience, e.g. "mailer" or "mailer/welcome", until ttl
// has passed, and for any number of deliveries, since queues deliver at least once.
// It says who, and not what: the message itself is not signed. Where others may
// write to the queue, an audience that holds the job's id binds the token to it.
//
// There is no token without an actor: the error is ErrNoActor. It is an [ActorError]
// where the resolver failed, and a [ValidationError] where something cannot be sent.
func MarshalContext(ctx context.Context, key ContextKey, audience string, ttl time.Duration, opts ...ScopeOption) (string, error) {
	if key.mac == nil {
		return "", &ValidationError{Field: "key", Reason: "it is missing; make one with audit.NewContextKey"}
	}
	if ttl <= 0 {
		return "", &ValidationError{Field: "ttl", Reason: "it must be positive"}
	}
	inner, s, err := Detach(ctx, opts...)
	if err != nil {
		return "", err
	}
	const self = 1 // nobody else has the scope, so that it cannot end
	actor, err := frameOf(inner).resolveActor(inner, detachedResolverWait, self)
	if err != nil {
		return "", err
	}
	now := time.Now()
	p := contextPayload{
		Actor: actor.Clone(), Audience: audience, ID: NewIDAt(now), Tenant: s.tenant,
		Metadata: s.metadata, Overridden: s.overridden, Marked: s.marked,
		Issued: now.Unix(), Expires: ceilUnix(now.Add(ttl)),
	}
	if _, there := findKey(p.Metadata, ContextChannelKey); s.channel != "" && !there {
		p.Metadata, _ = mergeScopeMetadata(p.Metadata, nil, []attribute.KeyValue{ContextChannelKey.String(s.channel)})
	}
	p.clean()
	text, err := p.encode()
	if err != nil {
		return "", err
	}
	token := sealContext(text, key)
	if len(token) > MaxContextToken {
		return "", &ValidationError{
			Field: "context", Reason: "its token would be longer than " + strconv.Itoa(MaxContextToken) +
				" bytes; leave metadata out with audit.WithoutMetadata",
		}
	}
	return token, nil
}

// UnmarshalContext verifies a token for the audience, with the one of the keys that
// it names, and opens a scope of its own that has what the token carries: the actor,
// the tenant and the metadata, with the token's id among them (see ContextIDKey).
// The channel is "job". Options say more of the scope, as those of NewScope do.
//
// The context returned is ctx with the scope. It keeps the cancellation and the
// values of ctx, such as the trace that a propagator found in the message; of the
// audit context of ctx, it keeps the mark of SuppressSignals and nothing else. The
// caller ends the scope, also when the job panics.
//
// A token that is forged, stale, from the future or made for another audience is
// refused, with one of the ErrContext errors, and nothing else is returned. Nothing
// in it is believed, or even decoded, before its signature was verified.
func UnmarshalContext(ctx context.Context, token, audience string, keys []ContextKey, opts ...ScopeOption) (context.Context, *Scope, error) {
	p, err := openContext(token, audience, keys, time.Now())
	if err != nil {
		return nil, nil, err
	}
	f, s := newDetachedScope(ctx)
	s.inherited, s.channel, s.tenant = &p.Actor, channelJob, p.Tenant
	s.metadata, s.overridden, s.marked = p.Metadata, p.Overridden, p.Marked
	_ = s.Set(WithScopeMetadata(ContextIDKey.String(p.ID.String())))
	_ = s.Set(opts...)
	return f, s, nil
}

// ContextID returns the id of the token that the scope, or one that it inherits
// from, was made of by UnmarshalContext, and the zero ID where there is none. All
// deliveries of a message have the same, so that a consumer can tell that it has
// seen one before.
func (s *Scope) ContextID() ID {
	var id ID
	if s == nil {
		return id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, there := findKey(s.metadata, ContextIDKey); there {
		_ = id.UnmarshalText([]byte(s.metadata[at].Value.AsString())) // else the application's own
	}
	return id
}

// ceilUnix rounds up, so that no token lives shorter than was asked for.
func ceilUnix(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }
