// Package viewer shows an audit trail in a browser. It is one http.Handler that mounts
// anywhere, and works without JavaScript.
//
//	handler, err := viewer.New(reader,
//		viewer.Authorize(func(r *http.Request) (audit.Actor, viewer.View, error) {
//			user, err := sessions.User(r)
//			if err != nil || !user.IsAuditor {
//				return audit.Actor{}, viewer.View{}, errors.Join(err, viewer.ErrForbidden)
//			}
//			return audit.User(user.ID), viewer.View{All: true}, nil
//		}),
//		viewer.WithTracker(provider.Tracker("example.com/shop/audit")),
//	)
//	...
//	mux.Handle("/audit/", http.StripPrefix("/audit", handler))
//
// The reader is any [query.Reader]: a ledger beside the service that writes it, MongoDB,
// archives, or a union of them. Who sees what is decided by the function of [Authorize], for
// each request; with a [View] of one tenant, customers see their own trail. Looking, searching
// and exporting are recorded by the tracker.
//
// The pages send no cookie, load nothing from elsewhere, and have no inline code. Requests
// that another site caused are neither served nor recorded. docs/viewer.md shows the pages.
package viewer
