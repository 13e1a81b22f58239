// Package request opens an audit scope for each request that a web or RPC framework
// serves, and records what its handlers left out.
//
// It is a support package for authors of framework instrumentation, such as packages
// audithttp and auditecho. Applications use those, not this package. A router on net/http
// needs no more than an audithttp.Adapter.
//
// A middleware fills in a [Config] from its own options. For each request it describes
// what it knows, opens an [Exchange], runs the handler, and reports the result:
//
//	type server struct {
//		config  request.Config
//		handler http.Handler
//	}
//
//	func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
//		d := request.DescribeHTTP(w, r, routeOf(r))
//		d.Actor = func(ctx context.Context) (audit.Actor, error) { return actorOf(r.WithContext(ctx)) }
//		x := s.config.Open(r.Context(), &d)
//		_ = x.Serve(&request.HTTP{Request: r, Writer: w, Handler: func(w http.ResponseWriter, r *http.Request) error {
//			s.handler.ServeHTTP(w, r)
//			return nil
//		}})
//	}
//
// # Exchanges
//
// An Exchange is one request and its response, seen by one middleware or one route
// intent. Each has a scope of its own. An Exchange inside another adds to the outer scope
// only what the outer one did not know: the request ID, the route, and the path with the
// secrets that this route names masked.
//
// [Exchange.Serve] runs an HTTP handler, lets panics and errors continue, and watches the
// response. It writes nothing itself: the header that leaves says how the request ended,
// whoever wrote it. [Exchange.ServeCall] does the same for a remote procedure call, whose
// status is the result of its handler.
//
// For another protocol, call the handler with [Exchange.Context], then [Exchange.Finish] or
// [Exchange.TrackIntent] with a [Result], then [Exchange.End]. Defer the last two, so that they
// also run after a panic.
//
// # What is recorded
//
// Everything that a [Description] contains is text that a client may have chosen. A record
// has at most 512 bytes of each, as with plumbing.WithClientMetadata, and it never makes an
// event fail.
//
// Events go to a tracker: a route intent ([Exchange.TrackIntent]), a denial that nothing
// else recorded ([Config.Denials]), and a request that should have recorded an event and
// did not ([Config.Coverage]). Errors go to [Config.ErrorHandler], because the response
// may already be on its way.
package request
