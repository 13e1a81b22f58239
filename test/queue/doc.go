// Package queue tests audit contexts that travel through a real queue, a NATS JetStream
// server in the process of the test.
package queue
