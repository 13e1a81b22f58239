// Package frameworktest holds the instrumentation of web frameworks to the same records: it
// describes services without a framework, sends them requests, and compares whole records.
//
//	func TestFramework(t *testing.T) {
//		frameworktest.Run(t, func(s *frameworktest.Service) http.Handler {
//			r := chi.NewRouter()
//			r.Use(auditchi.Middleware(options(s.Middleware)...))
//			...
//			return r
//		}, frameworktest.Braces)
//	}
//
// It is for authors of framework instrumentation. Read cases.go for what the records of a
// request are. What a framework has beyond net/http is for its own tests, which can use
// [NewTracker], [Serve], [Send] and [Errors].
package frameworktest
