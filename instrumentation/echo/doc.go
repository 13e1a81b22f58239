// Package auditecho opens an audit scope for every request of an Echo server and
// records route intents. It is package audithttp for Echo: the records are the
// same.
//
//	e := echo.New()
//	e.Use(middleware.Recover(), middleware.RequestID())
//	e.Use(auditecho.Middleware(
//		auditecho.WithActor(actorOf),
//		auditecho.WithHTTP(audithttp.WithChannel("api"), audithttp.WithDenials(tracker)),
//	))
//	e.Use(echojwt.JWT(key))
//	e.POST("/articles/:id/publish", publish,
//		auditecho.Intent(tracker, audit.Event{Action: "article.publish"}))
//
// Register the middleware by Use, not by Pre: the route, and with it which part
// of the path is a secret, is known only after routing. Put it behind
// middleware.RequestID, so that its id is seen, and ahead of what refuses
// requests, so that refusals are.
//
// # Errors that handlers return
//
// The status of a response is known when the error of its handler has become
// one. Where it is needed, by a route intent and by audithttp.WithDenials, the
// error therefore goes through c.Error at once, if the response was not written
// yet, and the middleware further out gets nil: your HTTPErrorHandler runs once.
// A middleware that changes errors, such as middleware.ContextTimeout or one that
// maps them to a status, belongs further in. Where the status is not needed the
// error is passed on as it is.
package auditecho
