// Package auditecho opens an audit scope for every request of an Echo v5 server and records
// route intents. Its records are those of package audithttp, with Echo's routes. For Echo v4
// there is a package of the same name, github.com/opendeed/audit/instrumentation/echo.
//
//	e := echo.New()
//	e.Use(middleware.Recover(), middleware.RequestID())
//	e.Use(auditecho.Middleware(
//		auditecho.WithActor(currentUser),
//		auditecho.WithChannel(semconv.ChannelAPI),
//		auditecho.WithDenials(tracker),
//	))
//	e.Use(echojwt.JWT(key))
//	e.POST("/articles/:slug/publish", publish,
//		auditecho.Intent(tracker, audit.Event{Action: "article.publish"}, auditecho.TargetParam("article", "slug")))
//
// Register the middleware with Use, not with Pre: the route, and so which part of the path
// is a secret, is known only after routing. Put it after middleware.RequestID, so that it
// sees the ID, and before everything that denies requests, so that it sees the denials.
//
// # Errors and panics
//
// The middleware answers nothing: an error of a handler is returned unchanged, and a panic
// continues. Whoever answers it, a middleware outside or your HTTPErrorHandler, the record
// has the status that was sent: it is written just before the header leaves. Until then the
// scope is open, and c.Request carries it. An error that nobody answers is recorded without
// a status, at the latest a second after the request. A handler that returned nil without
// writing is a success without a status, since a middleware outside may write the response.
//
// The outcome follows from the status, with these exceptions. An error after the response
// has begun, an error that nobody answered, and a panic make it a failure.
//
// # Contexts
//
// Echo uses a context again when a request is over, so a handler must not outlive its
// request: use middleware.ContextTimeout, and not an http.TimeoutHandler inside Echo.
//
// A function of the application that finds an actor gets the context of the handler. It may
// run on another goroutine, so it should read what was set before: a handler that tracks on
// another goroutine, and replaces its request meanwhile, needs the actor first. Let it call
// audit.SetActor, or use audithttp.WithActor, whose function gets a request of its own.
//
// # Responses
//
// What package audithttp says of responses and streams holds here too. Echo's Response is not
// replaced; its ResponseWriter is wrapped while the handler runs. A middleware that calls
// c.SetResponse with a writer of its own must give it a method Unwrap, as Echo demands.
//
// # From Echo v4
//
// Change the import path. Everything has the same name, and takes an *echo.Context where it
// took an echo.Context. What differs follows from Echo: c.Request, in a function that finds
// an actor, is the handler's and not that of the Track call; see [WithActor].
package auditecho
