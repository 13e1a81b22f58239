// Package answers tests that a service answers with the audit middleware as it does
// without: each row runs once bare and once with the middleware and a route intent in every
// order, on real sockets. The client must get the same bytes, and the handlers the same
// errors. What the record says must have been sent. Read nethttp_test.go and echo_test.go
// as documentation.
package answers
