// Package queue holds tests that send audit contexts through a real queue, NATS
// JetStream, which runs in the process of the test.
package queue
