package collector

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports of collectors lie below those that systems give to clients: otherwise one
// may be taken while its collector is down, even by a client that dials that very port
// and meets itself.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freeAddress returns an address on loopback that nobody listens on.
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
