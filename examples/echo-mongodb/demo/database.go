package main

import (
	"context"
	"errors"
	"net/url"
	"os"

	"github.com/opendeed/audit/examples/internal/drive"
)

// database is a server that the demo started, or the one in MONGODB_URI.
type database struct {
	dir     string
	uri     string
	address string         // the same after a new start
	process *drive.Process // nil if it is not ours
}

func openDatabase(ctx context.Context, dir string) (*database, error) {
	if uri := os.Getenv("MONGODB_URI"); uri != "" {
		return &database{uri: uri}, nil
	}
	if len(os.Args) != 2 {
		return nil, errors.New("there is no MONGODB_URI: name a server program, as make demo-mongodb does")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	db := &database{dir: dir, address: "127.0.0.1:0"}
	if err := db.start(ctx); err != nil {
		return nil, err
	}
	return db, nil
}

// start starts the server, again on the same address and data.
func (d *database) start(ctx context.Context) error {
	if d.dir == "" {
		return nil
	}
	process, err := drive.Start(ctx, nil, os.Args[1], "-listen", d.address, "-dir", d.dir)
	if err != nil {
		return err
	}
	uri, err := url.Parse(process.FirstLine())
	if err != nil || uri.Host == "" {
		process.Kill()
		return errors.New("the database does not start")
	}
	d.process, d.address = process, uri.Host
	d.uri = "mongodb://" + uri.Host + "/?retryWrites=false" // it has no retryable writes
	return nil
}

// kill ends the server as a crash does, if it is ours.
func (d *database) kill() {
	if d.process != nil {
		d.process.Kill()
	}
}
