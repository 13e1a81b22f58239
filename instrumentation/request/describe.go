package request

import (
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// maxMetadata is the number of metadata keys that the fields of a Description fill at once.
const maxMetadata = 7

// describe adds what d says to the options of a request's first scope.
func (x *Exchange) describe(opts []audit.ScopeOption, d *Description) []audit.ScopeOption {
	peer := peerAddress(d.RemoteAddr)
	x.requestID = d.RequestID
	x.route = d.Route
	x.path = maskPath(d.Route, d.Path)
	route := x.route
	if d.Method == "" {
		route = ""
	}
	metadata := make([]attribute.KeyValue, 0, maxMetadata+len(d.Metadata))
	for _, item := range [...]struct { // sorted by key, as a scope keeps them
		key   attribute.Key
		value string
	}{
		{semconv.ClientAddressKey, x.config.TrustedProxies.clientAddress(peer, d.ForwardedFor)},
		{semconv.RequestIDKey, x.requestID},
		{semconv.HTTPRequestMethodKey, d.Method},
		{semconv.HTTPRouteKey, route},
		{semconv.NetworkPeerAddressKey, peer},
		{semconv.RPCMethodKey, x.rpcMethod()},
		{semconv.RPCSystemNameKey, x.system},
		{semconv.URLPathKey, x.path},
		{semconv.UserAgentOriginalKey, d.UserAgent},
	} {
		if item.value != "" {
			metadata = append(metadata, item.key.String(item.value))
		}
	}
	return addMetadata(opts, append(metadata, d.Metadata...))
}

// join adds what d says and the outer Exchange did not know to the options of an inner
// scope.
func (x *Exchange) join(opts []audit.ScopeOption, outer *Exchange, d *Description) []audit.ScopeOption {
	x.outer = outer
	outer.inner.begin()
	x.route, x.path, x.requestID = outer.route, outer.path, outer.requestID
	if x.errorHandler == nil {
		x.errorHandler = outer.errorHandler
	}
	var metadata []attribute.KeyValue
	if x.requestID == "" && d.RequestID != "" {
		x.requestID = d.RequestID
		metadata = append(metadata, semconv.RequestIDKey.String(d.RequestID))
	}
	if x.system != "" && outer.system == "" {
		x.route = "" // it was HTTP's
		metadata = append(metadata, semconv.RPCSystemNameKey.String(x.system))
	}
	if learned := x.learn(d.Route, d.Path); len(learned) > 0 {
		opts = append(opts, audit.WithoutMetadata(keys(learned)...))
		metadata = append(metadata, learned...)
	}
	return addMetadata(opts, append(metadata, d.Metadata...))
}

func addMetadata(opts []audit.ScopeOption, kvs []attribute.KeyValue) []audit.ScopeOption {
	if len(kvs) == 0 {
		return opts
	}
	return append(opts, plumbing.WithClientMetadata(kvs...))
}

// learnRoute records a route that was found after the scope was opened. path is that of
// the request where the route was found.
func (x *Exchange) learnRoute(route, path string) {
	if kvs := x.learn(route, path); len(kvs) > 0 {
		// Set fails only if the scope has ended.
		_ = x.scope.Set(audit.WithoutMetadata(keys(kvs)...), plumbing.WithClientMetadata(kvs...))
	}
}

// learn returns the metadata that a route adds now that it is known.
func (x *Exchange) learn(route, path string) []attribute.KeyValue {
	if route == "" || route == x.route {
		return nil
	}
	x.route = route
	if x.system != "" {
		return []attribute.KeyValue{semconv.RPCMethodKey.String(x.rpcMethod())}
	}
	if x.method == "" {
		return nil
	}
	kvs := []attribute.KeyValue{semconv.HTTPRouteKey.String(route)}
	masked := maskPath(route, path)
	if masked == path || strings.HasSuffix(x.path, masked) {
		return kvs
	}
	// http.StripPrefix and the like have removed the beginning.
	mount, found := strings.CutSuffix(x.path, path)
	if !found || path == "" {
		mount = ""
	}
	x.path = mount + masked
	return append(kvs, semconv.URLPathKey.String(x.path))
}

// rpcMethod returns the method of a remote procedure call as OpenTelemetry names it, or "".
func (x *Exchange) rpcMethod() string {
	if x.system == "" {
		return ""
	}
	return strings.TrimPrefix(x.route, "/")
}

func keys(kvs []attribute.KeyValue) []attribute.Key {
	out := make([]attribute.Key, 0, len(kvs))
	for _, kv := range kvs {
		out = append(out, kv.Key)
	}
	return out
}
