// Package requesttest checks that the routes of a service record events, whatever its web
// framework.
//
//	func TestCoverage(t *testing.T) {
//		tracker := audittest.NewRecorder(t).Tracker("example.com/shop")
//		e := shop.NewEcho(tracker) // with auditecho.WithCoverage(tracker, nil)
//		requesttest.CheckCoverage(t, e, []*http.Request{
//			httptest.NewRequest("POST", "/articles", body),
//			httptest.NewRequest("DELETE", "/articles/1", nil),
//		}, auditecho.Routes(e)...)
//	}
//
// The routes are optional. With those that the router knows, a route that the test forgets
// fails it. Package auditecho has a function Routes for them; audithttp has one for the
// patterns of an http.ServeMux, which cannot list them itself.
//
// It is for applications and for authors of framework instrumentation. Import it in tests
// only.
package requesttest
