// Package auditchi opens an audit scope for every request of a chi router and records route
// intents. Its records are those of package audithttp, with chi's routes.
//
//	r := chi.NewRouter()
//	r.Use(middleware.RequestID)
//	r.Use(auditchi.Middleware(
//		auditchi.WithActor(currentUser),
//		auditchi.WithChannel(semconv.ChannelAPI),
//		auditchi.WithDenials(tracker),
//	))
//	r.Use(middleware.Recoverer)
//	r.With(auditchi.Intent(tracker, audit.Event{Action: "article.publish"},
//		auditchi.TargetParam("article", "slug"))).
//		Post("/articles/{slug}/publish", publish)
//
// The options are those of package audithttp, under the same names.
//
// # Routes
//
// The middleware knows the whole route before the handler runs, through all mounted routers,
// and so which part of the path is a secret: it looks the route up in the router, which
// chi does again. That is also so if it wraps the router, as in Middleware()(r). A router
// of another kind that chi mounts is known by its prefix, such as "/files/*". If another
// handler stands between the middleware and the router, use [WithRoute].
//
// # Where to put the middleware
//
// Put it outside of everything that denies requests, so that it sees the denials, and
// outside of middleware.Recoverer, so that the record of a panic has the status 500. What
// package audithttp says of middleware, responses and streams holds here too.
package auditchi
