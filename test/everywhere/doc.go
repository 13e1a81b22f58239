// Package everywhere tests the records of an application that updates the same article by
// every path: an API, an admin panel, a job, a command, a repository, a driver, and in
// bulk. On each path the code records its intent, forgets it, fails, panics or is
// canceled. Read table_test.go as documentation.
package everywhere
