package audithttp

import (
	"net/http"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// maxRequestMetadata is how many keys a request has.
const maxRequestMetadata = 7

// requestIDHeader is where a client, a proxy or another middleware names the
// request.
const requestIDHeader = "X-Request-Id"

// describe appends what r says, in the order of the keys, which is how a scope
// keeps them.
func (x *exchange) describe(kvs []attribute.KeyValue, c *config, w http.ResponseWriter, r *http.Request, route string) []attribute.KeyValue {
	peer := peerAddress(r.RemoteAddr)
	x.requestID = requestID(w, r)
	x.route = route
	x.path = maskPath(route, requestPath(r))
	for _, item := range [...]struct {
		key   attribute.Key
		value string
	}{
		{semconv.ClientAddressKey, clientAddress(peer, r.Header["X-Forwarded-For"], c.proxies)},
		{semconv.RequestIDKey, x.requestID},
		{semconv.HTTPRequestMethodKey, r.Method},
		{semconv.HTTPRouteKey, x.route},
		{semconv.NetworkPeerAddressKey, peer},
		{semconv.URLPathKey, x.path},
		{semconv.UserAgentOriginalKey, r.UserAgent()},
	} {
		if item.value != "" {
			kvs = append(kvs, item.key.String(item.value))
		}
	}
	return kvs
}

// join appends what is known of r now and was not when the outer exchange was
// opened.
func (x *exchange) join(kvs []attribute.KeyValue, outer *exchange, w http.ResponseWriter, r *http.Request, route string) []attribute.KeyValue {
	x.route, x.path, x.requestID = outer.route, outer.path, outer.requestID
	if x.errorHandler == nil {
		x.errorHandler = outer.errorHandler
	}
	if x.requestID == "" {
		if x.requestID = requestID(w, r); x.requestID != "" {
			kvs = append(kvs, semconv.RequestIDKey.String(x.requestID))
		}
	}
	learned := x.learn(r, route)
	x.replaced = keys(learned)
	return append(kvs, learned...)
}

// learn returns what the route adds, now that it is known.
func (x *exchange) learn(r *http.Request, route string) []attribute.KeyValue {
	if route == "" || route == x.route {
		return nil
	}
	x.route = route
	kvs := []attribute.KeyValue{semconv.HTTPRouteKey.String(route)}
	path := requestPath(r)
	masked := maskPath(route, path)
	if masked == path || strings.HasSuffix(x.path, masked) {
		return kvs
	}
	// A mount such as http.StripPrefix has taken the beginning away.
	mount, _ := strings.CutSuffix(x.path, path)
	if len(mount) == len(x.path) {
		mount = ""
	}
	x.path = mount + masked
	return append(kvs, semconv.URLPathKey.String(x.path))
}

// learnLate tells the scope of a route that only the handler found.
func (x *exchange) learnLate() {
	if x.route != "" {
		return
	}
	if kvs := x.learn(x.request, pathPattern(x.request.Pattern)); len(kvs) > 0 {
		// It has not ended yet.
		_ = x.scope.Set(audit.WithoutMetadata(keys(kvs)...), audit.WithClientMetadata(kvs...))
	}
}

func keys(kvs []attribute.KeyValue) []attribute.Key {
	var out []attribute.Key
	for _, kv := range kvs {
		out = append(out, kv.Key)
	}
	return out
}

// requestID returns the id of the request. What this service answers with comes
// first: it is the client's where the client is believed.
func requestID(w http.ResponseWriter, r *http.Request) string {
	if id := w.Header()[requestIDHeader]; len(id) > 0 && id[0] != "" {
		return id[0]
	}
	return r.Header.Get(requestIDHeader)
}

// requestPath returns the path, never the query. It is as it was sent where that
// makes a difference, since an escaped slash does not end a path parameter.
func requestPath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.EscapedPath()
	}
	return r.URL.Path
}
