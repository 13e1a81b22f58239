// Package process builds the servers in test/servers and runs them for tests, as processes that
// tests can kill.
package process
