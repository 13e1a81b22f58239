// Package loopback has addresses for servers that tests start, stop and start again.
package loopback

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports are below the range that systems assign to clients, and to servers of other tests that
// run at the same time. Otherwise one of these could get the port of a server that is down: a
// client could even connect to itself.
const (
	firstPort = 20000
	lastPort  = 32000
)

// FreeAddress returns an unused address on loopback.
func FreeAddress() (string, error) {
	var errs []error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.N(lastPort-firstPort)))
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
