// Package everywhere holds the test that changes the same article in every way there is
// (an API, an admin panel, a job, a command, a repository, a driver, in bulk), with code
// that states its intent, forgets it, fails, panics or is cancelled, and looks at the
// exact records that result. table_test.go is to be read as documentation.
package everywhere
