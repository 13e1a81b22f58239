package auditgrpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc"
)

// Intents are the events of methods, by the full names of the methods, such as
// "/articles.v1.Articles/Publish". Generated code has constants for them. Its methods Unary and
// Stream are interceptors that record the intents. Of calls of other methods they only find the
// actor of a denial. An Intents must not change while it is in use.
//
// The handler runs in a scope inside that of [Interceptor], so what it sets applies to this
// method only. Without an Interceptor, that scope has the metadata of the call and no actor.
// Errors go to the error handler of the Interceptor, because the status may already be on its
// way.
type Intents map[string]*MethodIntent

// MethodIntent is the event of a method: see [Intent].
type MethodIntent = request.MethodIntent

// Intent returns the intent of a method: t records e for each call, when the handler has ended.
// The package comment says which outcome each status has, and what is recorded of streams.
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
// not run. The client gets FAILED_PRECONDITION, and the trail the record "audit.rejected". An
// interceptor that returns another error finds an *audit.UnmetError in this one with
// errors.As. The handler of a client's stream, which is running, gets that error in place of
// each message.
type IntentOption = request.MessageOption

// TargetFrom takes the ID of the target from the request, for example
//
//	auditgrpc.TargetFrom("article", (*articlesv1.PublishRequest).GetSlug)
//
// The handler can set another target by audit.SetTarget.
func TargetFrom[M any](targetType string, id func(M) string) IntentOption {
	return request.TargetFrom(targetType, id)
}

// ReasonFrom takes the reason from the request, or from the context, for example with
// [Metadata].
func ReasonFrom[M any](reason func(M) string) IntentOption { return request.ReasonFrom(reason) }

// MetadataFrom takes the metadata of a key, such as a ticket, from the request, or from the
// context. It is metadata of every event that the handler tracks.
func MetadataFrom[M any](key attribute.Key, value func(M) string) IntentOption {
	return request.MetadataFrom(key, value)
}

// Metadata returns a source that reads a key of the metadata that the client sent.
func Metadata(key string) func(context.Context) string {
	return func(ctx context.Context) string { return firstMetadata(ctx, key) }
}

// Unary is a grpc.UnaryServerInterceptor.
func (i Intents) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	intent := i[info.FullMethod]
	if intent == nil {
		resp, err := handler(ctx, req)
		request.LearnActor(ctx, statusOf(err))
		return resp, err
	}
	return serveUnary(intentConfig.open(ctx, info.FullMethod), intent, req, handler)
}

// Stream is a grpc.StreamServerInterceptor.
func (i Intents) Stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	intent := i[info.FullMethod]
	if intent == nil {
		err := handler(srv, s)
		request.LearnActor(s.Context(), statusOf(err))
		return err
	}
	return serveStream(intentConfig.open(s.Context(), info.FullMethod), intent, srv, s, info, handler)
}

// intentConfig is the configuration of Intents. Everything else comes from the enclosing
// interceptor.
var intentConfig config

// Check returns an error if there is an intent of a method that the server does not have. Call
// it when all services are registered.
func (i Intents) Check(s *grpc.Server) error {
	served := map[string]bool{}
	for service, info := range s.GetServiceInfo() {
		for _, method := range info.Methods {
			served["/"+service+"/"+method.Name] = true
		}
	}
	var unknown []string
	for method := range i {
		if !served[method] {
			unknown = append(unknown, method)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("audit: the server has no method %s; name methods as generated code does, such as /articles.v1.Articles/Publish",
		strings.Join(unknown, ", "))
}
