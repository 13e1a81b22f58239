// Package audithttp opens an audit scope for every request of a net/http server and
// records route intents.
//
//	mux := http.NewServeMux()
//	mux.Handle("POST /articles/{id}/publish", audithttp.Intent(tracker,
//		audit.Event{Action: "article.publish"}, publish))
//	handler := audithttp.Middleware(
//		audithttp.WithActor(currentUser),
//		audithttp.WithChannel(semconv.ChannelAPI),
//		audithttp.WithDenials(tracker),
//	)(mux)
//
// # Metadata of a request
//
// The middleware adds to every event of the request, under OpenTelemetry's names: the
// method, the route, the path without the query, the addresses of the client and the
// peer, the user agent and the X-Request-Id header. It records no events of its own,
// except for denials ([WithDenials]) and missing events ([WithCoverage]) if you ask for
// them. Everything else is tracked by the handler or by a route intent ([Intent],
// [IntentFunc]).
//
// A path parameter whose name indicates a secret, such as {token} or :resetCode, is
// masked in the path. The names are matched generously, because the event's target still
// identifies what was masked by mistake.
//
// A record has at most 512 bytes of each text from a client, and it never makes an event
// fail.
//
// # Where to put the middleware
//
// Let the middleware wrap an [http.ServeMux] directly, put it inside one, or give it
// [WithRoute]: it then knows the route before the handler runs, and so which part of the
// path is a secret. Put it outside of everything that denies requests, so that it sees the
// denials, and outside of authentication: the function of [WithActor] is called when the
// first event needs the actor.
//
// A middleware inside another adds to the scope of the outer one. Its actor function,
// channel and metadata apply to the handlers that it wraps; metadata of the request is
// not added twice.
package audithttp
