package drive

import (
	"context"
	"errors"
	"net/url"
)

// Database is a running MongoDB-compatible server.
type Database struct {
	*Process
	Address string // host and port
	URI     string
}

// StartDatabase starts the server program of test/servers/ferretdb on an address, such as
// "127.0.0.1:0" for an unused port, with its data in an existing directory.
func StartDatabase(ctx context.Context, program, address, dir string) (*Database, error) {
	process, err := Start(ctx, nil, program, "-listen", address, "-dir", dir)
	if err != nil {
		return nil, err
	}
	uri, err := url.Parse(process.FirstLine())
	if err != nil || uri.Host == "" {
		process.Kill()
		return nil, errors.New("the database did not start")
	}
	// The server supports no retryable writes.
	return &Database{Process: process, Address: uri.Host, URI: "mongodb://" + uri.Host + "/?retryWrites=false"}, nil
}
