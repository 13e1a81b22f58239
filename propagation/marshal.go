package propagation

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Marshal returns the audit context of ctx as a token. The token carries what
// [audit.Detach] would keep with the same options: the actor, which is found now,
// the tenant, the metadata, and the channel as metadata under
// semconv.ContextChannelKey. Session IDs are replaced with their fingerprints.
//
// The largest metadata for which a token has no room is left out, and the records of the job
// have a mark with the number. So are the names and roles of an actor if they have no room,
// and the actors of a chain that is longer than that of a record.
//
// The token is signed, not encrypted, and its metadata is not redacted: whoever reads
// the queue can read it. Remove what should not be there with audit.WithoutMetadata.
// The token carries no trace; OpenTelemetry's propagators do.
//
// The token is valid for one audience, e.g. "mailer" or "mailer/welcome", until ttl has
// passed, and for any number of deliveries, because queues deliver at least once. It
// says who, not what: the message itself is not signed. If others may write to the
// queue, use an audience that contains the ID of the job, which binds the token to it.
//
// The error is audit.ErrNoActor if there is no actor, an [audit.ActorError] if an actor
// function failed, and an [audit.ValidationError] if something cannot be sent.
func Marshal(ctx context.Context, key Key, audience string, ttl time.Duration, opts ...audit.ScopeOption) (string, error) {
	if key.mac == nil {
		return "", invalid("key", "it is missing; make one with propagation.NewKey")
	}
	if ttl <= 0 {
		return "", invalid("ttl", "it must be positive")
	}
	s, err := plumbing.TakeSnapshot(ctx, opts...)
	if err != nil {
		return "", err
	}
	now := time.Now()
	p := payload{
		Actor: s.Actor, Audience: audience, ID: uuid.At(now), Tenant: s.Tenant,
		Metadata: withChannel(s.Metadata, s.Channel), Overridden: s.Overridden, Marks: s.Marks,
		Issued: now.Unix(), Expires: ceilUnix(now.Add(ttl)),
	}
	p.shorten()
	text, err := p.encode()
	if err != nil {
		return "", err
	}
	token := sign(text, key)
	if len(token) > MaxToken {
		return "", invalid("context", "its token would be longer than "+strconv.Itoa(MaxToken)+
			" bytes; the ID of its actor or its tenant is too long")
	}
	return token, nil
}

// withChannel returns metadata with the channel, unless the scope came with a token
// that already carried one. It does not change kvs.
func withChannel(kvs []attribute.KeyValue, channel string) []attribute.KeyValue {
	const key = semconv.ContextChannelKey
	at, found := slices.BinarySearchFunc(kvs, key, func(kv attribute.KeyValue, key attribute.Key) int {
		return strings.Compare(string(kv.Key), string(key))
	})
	if channel == "" || found {
		return kvs
	}
	return slices.Insert(slices.Clip(kvs), at, key.String(channel))
}

// ceilUnix rounds up, so that no token expires before its lifetime has passed.
func ceilUnix(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// Unmarshal verifies a token with the key that the token names and opens a scope that
// has what the token carries: the actor, the tenant and the metadata, plus the ID of
// the token under semconv.ContextIDKey. The channel is "job". Options change the scope,
// as those of audit.NewScope do.
//
// The returned context is ctx with the scope. It keeps the cancellation and the values
// of ctx, such as the trace that a propagator found in the message. Of the audit
// context of ctx it keeps the mark of audit.SuppressSignals and nothing else. The
// caller ends the scope, even if the job panics.
//
// A token that is forged, expired, from the future or made for another audience is
// rejected with one of the errors of this package. The returned context and scope are
// then nil. Nothing in a token is decoded before its signature was verified.
func Unmarshal(ctx context.Context, token, audience string, keys []Key, opts ...audit.ScopeOption) (context.Context, *audit.Scope, error) {
	p, err := open(token, audience, keys, time.Now())
	if err != nil {
		return nil, nil, err
	}
	inside.Audit.AcceptFingerprints(&p.Actor)
	s := plumbing.Snapshot{
		Actor: p.Actor, Channel: semconv.ChannelJob, Tenant: p.Tenant,
		Metadata: p.Metadata, Overridden: p.Overridden, Marks: p.Marks,
	}
	ctx, scope := s.NewScope(ctx, audit.WithScopeMetadata(semconv.ContextIDKey.String(p.ID.String())))
	_ = scope.Set(opts...) // a new scope has not ended
	return ctx, scope, nil
}

// TokenID returns the ID of the token that the scope of ctx, or one that it inherits
// from, was made from. It returns the zero ID if there is none. All deliveries of a
// message have the same ID, so that a consumer can recognize a repeated delivery.
func TokenID(ctx context.Context) (id audit.ID) {
	if v, ok := audit.ScopeFromContext(ctx).Metadata(semconv.ContextIDKey); ok {
		_ = id.UnmarshalText([]byte(v.AsString())) // fails for a value of the application's
	}
	return id
}
