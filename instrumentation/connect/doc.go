// Package auditconnect opens an audit scope for every call of a Connect server and records the
// intents of procedures. It serves the protocols of Connect, gRPC and gRPC-Web alike. Its
// records are those of package auditgrpc.
//
//	audits := auditconnect.NewInterceptor(
//		auditconnect.WithActor(userOf),
//		auditconnect.WithChannel(semconv.ChannelAPI),
//		auditconnect.WithDenials(tracker),
//	)
//	intents := auditconnect.Intents{
//		articlesv1connect.ArticlesPublishProcedure: auditconnect.Intent(tracker, audit.Event{Action: "article.publish"},
//			auditconnect.TargetFrom("article", (*articlesv1.PublishRequest).GetSlug)),
//	}
//	mux.Handle(articlesv1connect.NewArticlesHandler(service, connect.WithInterceptors(audits, authenticate, intents)))
//
// # Where to put the interceptors
//
// Put an [Interceptor] first, outside of everything that denies calls or changes their errors:
// it sees the denials and the status that the client gets. Put the [Intents] last: they see
// what authentication put into the context. Neither affects clients.
//
// What runs before all interceptors, such as a request gate or HTTP middleware, may deny a call
// that no interceptor sees. It records such a denial itself, or is an interceptor.
//
// The interceptors need no HTTP middleware. Inside that of audithttp or another framework, they
// add to its scope; its coverage and its denials judge the HTTP request for themselves.
//
// # Metadata of a call
//
// The interceptor adds to every event of the call, under OpenTelemetry's names: the system
// "connectrpc", the full name of the procedure, the addresses of the client and the peer, the
// user agent, and X-Request-Id. It records no other headers, and no messages. It records no
// events of its own, except for denials ([WithDenials]) and missing events ([WithCoverage]) if
// you ask for them.
//
// A record has at most 512 bytes of each text from a client, and it never makes an event
// fail.
//
// # Outcomes
//
// The outcome of an intent follows from the code of the error. It is recorded, or OK, as
// rpc.response.status_code:
//
//	OK                                   success
//	permission_denied, unauthenticated   denied
//	all other codes, a panic             failure
//
// A handler that gave up because the call was canceled or its deadline had passed has failed
// too, and so has one that returned an error without a code. The answer 304 to a GET is a
// success. An error that an interceptor between the two answers as a success is a failure of the
// procedure. A panic continues unchanged; its status is known if an interceptor inside the
// outermost of this package recovers from it.
//
// If the client has hung up, no status is recorded, since nobody was sent one. The outcome is
// then that of what the handler returned.
//
// # Withheld answers
//
// The intent of a call is recorded when its handler has ended. If that fails, the deed is done and
// the error handler is called; if the process is killed before, the trail has nothing. For what
// must not be done unrecorded, [WithheldAnswer] begins the event before the handler runs, and
// withholds the result until the outcome is on record. docs/guarantees.md says what the trail and
// the client have, whenever the process is killed.
//
// # Streams
//
// A stream may last. Its intent is begun, and on record, before the first message of a client's
// stream reaches the handler, or the first message of a server's stream leaves. The outcome is
// recorded at the end: the two records are an attempt, like those of audit.Begin. If the process
// is killed in between, the ledger closes the attempt when it is opened next.
//
// What a policy requires of such an intent must be known when it is begun: take it from the first
// message or the header, by an option.
package auditconnect
