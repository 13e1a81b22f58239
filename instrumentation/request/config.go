package request

import (
	"context"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// Config holds the options of one middleware that do not depend on its framework. A route
// intent, which has no such options, uses the zero value. A Config must not change while
// it is in use.
type Config struct {
	// ScopeOptions apply to the scope of every request, e.g. audit.WithChannel.
	ScopeOptions []audit.ScopeOption
	// TrustedProxies are the proxies whose X-Forwarded-For header is trusted.
	TrustedProxies Proxies
	// Denials records requests that were denied and recorded no event. nil means that
	// they are not recorded.
	Denials audit.Tracker
	// Coverage checks whether requests recorded the events that they should. nil means
	// that they are not checked.
	Coverage *Coverage
	// CheckTargets reports route intents that succeed without a target to the error handler.
	// Those of an audittest.Recorder are always reported.
	CheckTargets bool
	// ErrorHandler receives errors that occur too late for the handler. Its context has
	// the request's values and is not canceled with it. nil means the error handler of
	// the enclosing Exchange or, outside of one, a log line in slog.Default that contains
	// no values.
	ErrorHandler func(context.Context, error)
}

// Description is what a framework knows about a request before its handler runs. Empty
// fields are not recorded.
type Description struct {
	// Method is the HTTP method. It is empty for other protocols.
	Method string
	// System is the system of a remote procedure call, e.g. "grpc". It is empty for other
	// requests.
	System string
	// Route is the pattern that the router matched, with parameters such as {id} or :id.
	// It is empty if the router has not run yet or none matched. It is recorded as
	// http.route if there is a Method.
	//
	// The route of a remote procedure call is the full name of its method, such as
	// "/shop.v1.Articles/Publish". It is recorded as rpc.method, without the first slash.
	Route string
	// ReadOnly says that the method of a remote procedure call is declared to have no side
	// effects, so that [Config.Coverage] requires no event of it.
	ReadOnly bool
	// Path is the path as the client sent it, without the query. Parameters whose name
	// in Route indicates a secret are masked.
	Path string
	// RemoteAddr is the address of the peer, with or without a port.
	RemoteAddr string
	// ForwardedFor holds the values of the X-Forwarded-For headers, in their order.
	ForwardedFor []string
	// UserAgent is the client's description of itself.
	UserAgent string
	// RequestID identifies the request in other systems.
	RequestID string
	// Metadata is added to every event of the request. It overrides what the fields above
	// set under the same key, and the record keeps both values.
	Metadata []attribute.KeyValue

	// Actor finds the actor of the request, or is nil. It is called when the first
	// event needs the actor, with the context of that Track call, and never after the
	// Exchange has ended. If it returns the zero actor, the enclosing Exchange of the
	// request is asked. Without one, the request has no actor.
	Actor func(context.Context) (audit.Actor, error)
	// OnBehalfOf finds the actor on whose behalf another acts, or is nil: the actor that
	// Actor or an enclosing Exchange found, or that was set by audit.SetActor. It is called
	// under the same rules. If it returns the zero actor, the enclosing Exchange of the
	// request is asked. Without one, the actor acts for itself.
	OnBehalfOf func(context.Context, audit.Actor) (audit.Actor, error)
}
