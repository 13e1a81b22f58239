package collector

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports of collectors are below the range that systems assign to clients. Otherwise a
// client could get the port of a collector that is down, and even connect to itself.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freeAddress returns an unused address on loopback.
func freeAddress() (string, error) {
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
