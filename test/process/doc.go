// Package process runs the servers of test/servers for tests, as processes that can be
// killed.
package process
