// Package requesttest checks that the routes of a service record events, whatever its web
// framework.
//
//	func TestCoverage(t *testing.T) {
//		tracker := audittest.NewRecorder(t).Tracker("example.com/shop")
//		handler := shop.NewHandler(tracker) // with audithttp.WithCoverage(tracker, nil)
//		requesttest.CheckCoverage(t, handler, []*http.Request{
//			httptest.NewRequest("POST", "/articles", body),
//			httptest.NewRequest("DELETE", "/articles/1", nil),
//		})
//	}
//
// It is for applications and for authors of framework instrumentation. Import it in tests
// only.
package requesttest
