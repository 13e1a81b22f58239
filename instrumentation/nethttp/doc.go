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
//
// Put it outside of middleware that answers for a handler: one that recovers from panics,
// maps errors or renders what a handler returned. What is written outside of the audit
// middleware, nobody can see: after a panic, and after a handler that returned without
// writing, the record has no status then. The latter is a success all the same. Its status is
// 200 if the server, or its [http.ServeMux], calls the audit middleware itself.
//
// # Responses
//
// A service answers with the middleware as it does without. The middleware wraps the
// [http.ResponseWriter] with one that has the same optional methods: it writes nothing,
// withholds nothing, and changes no status. One difference is left, which no wrapped writer
// can help: [http.MaxBytesReader] closes the connection only if it gets the server's own
// writer. Put an [http.MaxBytesHandler] outside if that matters. A writer of a type of your
// own is reached with [http.ResponseController] or its method Unwrap, but not by a type
// assertion.
//
// A record has the status that was sent, or none: not that of a handler that panicked before
// it answered, that hijacked the connection without writing a status, that a client did not
// wait for, or that was too late for an [http.TimeoutHandler]. A status was sent when its
// header left the handler; whether it arrived, no server knows. A context that was canceled
// without a cause of its own means that the client has hung up. If such a request ends
// without an answer, its outcome is unknown.
//
// # Streams
//
// A handler that flushes its response or hijacks the connection may run for long. A route
// intent then records at once that it was begun, before the client gets anything, and the
// outcome at the end: the two records are an attempt, like those of audit.Begin. If the
// process is killed in between, the ledger closes the attempt when it is opened next.
//
// # Withheld answers
//
// A route intent is recorded when its handler has done its work, and a failing trail stops
// nobody. For what must not be done unrecorded, [WithheldAnswer] begins the event before the
// handler runs, and withholds the answer until it is finished. docs/guarantees.md says what
// the trail and the client have after a crash.
package audithttp
