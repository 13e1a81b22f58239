// Package audithttp opens an audit scope for every request of a net/http server
// and records route intents.
//
//	mux := http.NewServeMux()
//	mux.Handle("POST /articles/{id}/publish", audithttp.Intent(tracker,
//		audit.Event{Action: "article.publish"}, publish))
//	handler := audithttp.NewMiddleware(
//		audithttp.WithActor(actorOf),
//		audithttp.WithChannel(semconv.ChannelAPI),
//		audithttp.WithDenials(tracker),
//	)(mux)
//
// # What a request says
//
// The middleware adds to every event of the request, by OpenTelemetry's names:
// the method, the route, the path without the query, the address of the client
// and of the peer, the user agent and the X-Request-Id header. It invents no
// events: those come from the handler, from a route intent ([Intent],
// [IntentFunc]) or, by choice, from a refusal that nothing else recorded
// ([WithDenials]).
//
// A path parameter whose name says that it is a secret, such as {token} or
// :resetCode, is masked in the path. Names are read generously: what is masked by
// mistake is still told by the event's target.
//
// What a client sent is cut to 512 bytes, made valid UTF-8 and
// marked, and is never a reason to refuse a record.
//
// # Where to put the middleware
//
// The route of a request, and with it which part of the path is a secret, is
// known ahead of the handler if the middleware is wrapped directly around an
// [http.ServeMux], inside one, or told by [WithRoute]. Put it outside of what
// refuses requests, so that refusals are seen, and outside of authentication:
// the function of [WithActor] is called when the first event needs the actor.
//
// A middleware inside another one adds to the scope that is there: its own actor
// function, channel and metadata hold for what it wraps, and what the request
// says is not added twice.
package audithttp
