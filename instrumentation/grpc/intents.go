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
	"google.golang.org/grpc/codes"
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

// IntentFunc is Intent for an event that depends on the first message of a call or on its status:
//
//	auditgrpc.IntentFunc(tracker, func(_ context.Context, req *paymentsv1.SendRequest, code codes.Code) audit.Event {
//		if req.GetDryRun() {
//			return audit.Event{Action: "payout.check"}
//		}
//		return audit.Event{Action: "payout.send"}
//	})
//
// event is called when the status is known. ctx is the context of the handler, and code that of
// the result, codes.OK if it is a success. It is also called before, with codes.OK: when the event is begun,
// when the handler asks audit.Ready, and if there are options. If no message has arrived, req is
// the zero M. What event leaves empty is filled in: the target that the handler set by
// audit.SetTarget, and the outcome by the status. After a panic that is never a success.
func IntentFunc[M any](t audit.Tracker, event func(ctx context.Context, req M, code codes.Code) audit.Event, opts ...IntentOption) *MethodIntent {
	return request.NewMethodIntentFunc(t, func(ctx context.Context, req M, code int) audit.Event {
		return event(ctx, req, codes.Code(code))
	}, opts...)
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
//
// [WithheldAnswer] and what belongs to it say when the result leaves.
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

// WithheldAnswer makes the client wait until the event is recorded. It changes what a client
// gets when the trail cannot be written: use it for what must not be done unrecorded, such as
// a payout or a deletion.
//
//	auditgrpc.Intents{
//		paymentsv1.Payments_Send_FullMethodName: auditgrpc.Intent(tracker, audit.Event{Action: "payout.send"},
//			auditgrpc.TargetFrom("payout", (*paymentsv1.SendRequest).GetId),
//			auditgrpc.WithheldAnswer()),
//	}
//
// The event is begun as an attempt when the request has arrived, before the handler runs, like
// that of audit.Begin. If that fails, the handler does not run and the client gets UNAVAILABLE: see
// [OnNotBegun]. The actor, and what the provider's policy requires of the event, except its
// outcome and its changes, must be known by then, from the interceptors and the options of the
// intent; otherwise the client gets FAILED_PRECONDITION.
//
// The result leaves when the attempt is finished. If it cannot be finished, the deed is done all
// the same, and the result leaves unless [OnUnrecorded] returns an error instead; the error
// handler is called, and a ledger closes the attempt as unknown when it is opened next.
//
// A stream cannot be withheld, only its end: the event is begun before the handler gets or sends
// its first message, messages leave as the handler sends them, and the status of the stream
// leaves when the attempt is finished. If it cannot be begun, the handler, which is running, gets
// the error in place of each message that it would receive or send.
//
// The handler must not track the event itself as well, for that would be another record.
func WithheldAnswer() IntentOption { return request.WithheldAnswer() }

// OnNotBegun sets the function that returns the error of a call whose event could not be begun:
// see [WithheldAnswer]. err is that of audit.Begin. By default, and if the function returns nil,
// the error is UNAVAILABLE with a message that says that nothing was done.
func OnNotBegun(f func(ctx context.Context, err error) error) IntentOption {
	return request.OnNotBegun(f)
}

// OnUnrecorded sets the function that is asked for another result of a call whose handler has
// run, but whose outcome could not be recorded: see [WithheldAnswer]. code is that of the
// handler's result, codes.OK if it is a success. The function returns the error that the client gets, or
// nil, and then the handler's result leaves.
//
//	auditgrpc.OnUnrecorded(func(context.Context, error, codes.Code) error {
//		return status.Error(codes.DataLoss, "done, but not recorded; do not repeat it")
//	})
//
// The error must not make the client do it again: clients repeat calls that fail with
// UNAVAILABLE.
//
// The error leaves by the outermost interceptor of this package. Interceptors inside of that one
// have seen the handler's result. The function is not called if the handler panicked.
func OnUnrecorded(f func(ctx context.Context, err error, code codes.Code) error) IntentOption {
	return request.OnUnrecorded(func(ctx context.Context, err error, code int) error { return f(ctx, err, codes.Code(code)) })
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
