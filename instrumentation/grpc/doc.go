// Package auditgrpc opens an audit scope for every call of a gRPC server and records the
// intents of methods.
//
//	audits := auditgrpc.NewInterceptor(
//		auditgrpc.WithActor(userOf),
//		auditgrpc.WithChannel(semconv.ChannelAPI),
//		auditgrpc.WithDenials(tracker),
//	)
//	intents := auditgrpc.Intents{
//		articlesv1.Articles_Publish_FullMethodName: auditgrpc.Intent(tracker, audit.Event{Action: "article.publish"},
//			auditgrpc.TargetFrom("article", (*articlesv1.PublishRequest).GetSlug)),
//	}
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(audits.Unary, authenticate, intents.Unary),
//		grpc.ChainStreamInterceptor(audits.Stream, authenticateStream, intents.Stream),
//	)
//
// # Where to put the interceptors
//
// Put that of [Interceptor] first, outside of everything that denies calls or changes their
// errors: it sees the denials and the status that the client gets. Put that of [Intents]
// last: it sees what authentication put into the context.
//
// # Metadata of a call
//
// The interceptor adds to every event of the call, under OpenTelemetry's names: the system
// "grpc", the full name of the method, the addresses of the client and the peer, the user
// agent, and x-request-id. It records nothing else of gRPC's metadata, and no messages. It
// records no events of its own, except for denials ([WithDenials]) and missing events
// ([WithCoverage]) if you ask for them.
//
// A record has at most 512 bytes of each text from a client, and it never makes an event
// fail.
//
// # Outcomes
//
// The outcome of an intent follows from the status of the call, which is recorded as
// rpc.response.status_code:
//
//	OK                                   success
//	PERMISSION_DENIED, UNAUTHENTICATED   denied
//	all other codes, a panic             failure
//
// A handler that gave up because the call was canceled or its deadline had passed has failed
// too, and so has one that returned an error without a status. An error that an interceptor between the two answers as OK is a failure of the
// method. A panic continues unchanged; its status is known if an interceptor inside the
// outermost of this package recovers from it.
//
// If the client has canceled the call, no status is recorded, since nobody was sent one. The
// outcome is then that of what the handler returned.
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
// message or the context, by an option.
package auditgrpc
