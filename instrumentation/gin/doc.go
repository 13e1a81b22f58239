// Package auditgin opens an audit scope for every request of a gin engine and records route
// intents. Its records are those of package audithttp, with gin's routes.
//
//	r := gin.Default()
//	r.Use(auditgin.Middleware(
//		auditgin.WithActor(currentUser),
//		auditgin.WithChannel(semconv.ChannelAPI),
//		auditgin.WithDenials(tracker),
//	))
//	r.Use(authenticate)
//	r.POST("/articles/:slug/publish",
//		auditgin.Intent(tracker, audit.Event{Action: "article.publish"}, auditgin.TargetParam("article", "slug")),
//		publish)
//
// The scope is in the context of c.Request, so track with c.Request.Context(). Put the
// middleware before everything that denies requests, so that it sees the denials. It may be
// before gin.Recovery or after it.
//
// # Status, errors and panics
//
// The record has the status that gin sends: what was written, or what c.Status and c.Abort
// have set. A handler that wrote and set nothing has no status, since a middleware outside
// may still answer; it has succeeded all the same.
//
// A handler that left something in c.Errors, and wrote and set nothing, has failed. The
// record waits for a middleware outside, such as gin.Recovery after a panic, to answer it, and
// then has that status. If nobody does, it is recorded without a status, at the latest a
// second after the request. Errors of a handler that answered are only notes to gin, and
// the status says how it ended.
//
// # Contexts
//
// gin uses a context again when a request is over. A function of the application that
// finds an actor gets a copy, made by c.Copy when it is called, whose request has the
// context of the Track call. It is never called with a context that may be another
// request's.
//
// As with c.Copy itself, nothing may change the context meanwhile. A goroutine that tracks
// while the handler continues needs the actor first: give it the context of audit.Detach,
// or set the actor by audit.SetActor.
//
// # Responses
//
// What package audithttp says of responses and streams holds here too. c.Writer is wrapped
// while the handler runs, and remains wrapped while an error or a panic waits for its answer.
// [WithheldAnswer] keeps what the handlers write until its record is safe.
// A middleware whose own writer stands between the middleware and an intent should have a
// method Unwrap.
package auditgin
