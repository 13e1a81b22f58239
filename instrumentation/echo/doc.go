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
// # Errors that handlers return
//
// The status of a response is known only when the error of its handler has become a
// response. If the status is needed, by a route intent, [WithDenials] or [WithCoverage],
// the error is passed to c.Error immediately, unless the response was already written, and
// outer middleware gets nil. So your HTTPErrorHandler runs once. Middleware that changes
// errors, such as middleware.ContextTimeout or one that maps them to a status, belongs
// inside. If the status is not needed, the error is returned unchanged.
package auditecho
