// Package auditecho opens an audit scope for every request of an Echo server and records
// route intents. Its records are those of package audithttp.
//
//	e := echo.New()
//	e.Use(middleware.Recover(), middleware.RequestID())
//	e.Use(auditecho.Middleware(
//		auditecho.WithActor(currentUser),
//		auditecho.WithChannel(semconv.ChannelAPI),
//		auditecho.WithDenials(tracker),
//	))
//	e.Use(echojwt.JWT(key))
//	e.POST("/articles/:id/publish", publish,
//		auditecho.Intent(tracker, audit.Event{Action: "article.publish"}))
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
// # Responses
//
// What package audithttp says of responses holds here too. Echo's Response is not replaced;
// its Writer is wrapped while the handler runs.
package auditecho
