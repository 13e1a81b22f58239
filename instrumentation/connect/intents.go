package auditconnect

import (
	"context"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"go.opentelemetry.io/otel/attribute"
)

// Intents are the events of procedures, by their full names, such as
// "/articles.v1.Articles/Publish". Generated code has constants for them. It is a
// [connect.Interceptor] that records the intents. Of calls of other procedures it only finds the
// actor of a denial. An Intents must not change while it is in use.
//
// The handler runs in a scope inside that of [Interceptor], so what it sets applies to this
// procedure only. Without an Interceptor, that scope has the metadata of the call and no actor.
// Errors go to the error handler of the Interceptor, because the status may already be on its
// way.
type Intents map[string]*MethodIntent

// MethodIntent is the event of a procedure: see [Intent].
type MethodIntent = request.MethodIntent

// Intent returns the intent of a procedure: t records e for each call, when the handler has
// ended. The package comment says which outcome each status has, and what is recorded of
// streams.
//
// If the handler recorded the outcome itself, an intent with the same action on the same
// target, Intent records none. If no target is set, that is an intent with the same action
// on any target. An intent that failed or was denied is not the outcome of a call that
// succeeded.
//
// The target is the one that the handler set by audit.SetTarget, or else that of e. The
// ID, Time, Kind and Outcome of e are ignored: each call is an event of its own.
//
// Options take fields from the request message or from the context, so that the handler does
// not run if the policy requires one that is missing. What it only knows itself, the handler
// sets by audit.SetTarget, audit.SetReason, audit.SetChanges and their siblings, and asks
// audit.Ready before its side effect. An event that lacks something at the end is recorded
// nevertheless, with the marks policy.unmet.
func Intent(t audit.Tracker, e audit.Event, opts ...IntentOption) *MethodIntent {
	return request.NewMethodIntent(t, e, opts...)
}

// IntentOption says where an intent has its fields from: the request message or, if the
// function takes one, the context of the call. If a client sends a stream, the first message is
// the request.
//
// If the provider's policy requires such a field and it is missing or blank, the handler does
// not run. The client gets failed_precondition, and the trail the record "audit.rejected". An
// interceptor that returns another error finds an *audit.UnmetError in this one with
// errors.As. The handler of a client's stream, which is running, gets that error in place of
// each message.
type IntentOption = request.MessageOption

// TargetFrom takes the ID of the target from the request, for example
//
//	auditconnect.TargetFrom("article", (*articlesv1.PublishRequest).GetSlug)
//
// The handler can set another target by audit.SetTarget.
func TargetFrom[M any](targetType string, id func(M) string) IntentOption {
	return request.TargetFrom(targetType, id)
}

// ReasonFrom takes the reason from the request, or from the context, for example with [Header].
func ReasonFrom[M any](reason func(M) string) IntentOption { return request.ReasonFrom(reason) }

// MetadataFrom takes the metadata of a key, such as a ticket, from the request, or from the
// context. It is metadata of every event that the handler tracks.
func MetadataFrom[M any](key attribute.Key, value func(M) string) IntentOption {
	return request.MetadataFrom(key, value)
}

// WrapUnary implements [connect.Interceptor].
func (i Intents) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		spec := req.Spec()
		intent := i[spec.Procedure]
		switch {
		case spec.IsClient:
			return next(ctx, req)
		case intent == nil:
			resp, err := next(ctx, req)
			request.LearnActor(ctx, statusOf(err))
			return resp, err
		}
		return serveUnary(ctx, &intentConfig, intent, req, next)
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (i Intents) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		intent := i[conn.Spec().Procedure]
		if intent == nil {
			err := next(ctx, conn)
			request.LearnActor(ctx, statusOf(err))
			return err
		}
		return serveStream(ctx, &intentConfig, intent, conn, next)
	}
}

// WrapStreamingClient implements [connect.Interceptor]. It returns next.
func (Intents) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// intentConfig is the configuration of Intents. Everything else comes from the enclosing
// interceptor.
var intentConfig config
