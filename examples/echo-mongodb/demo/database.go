package main

import (
	"context"
	"errors"
	"net/url"
	"os"

	"github.com/opendeed/audit/examples/internal/drive"
)

// database is a server that the demo runs, or the one in MONGODB_URI.
type database struct {
	dir     string
	uri     string
	address string         // stays the same after a restart
	process *drive.Process // nil for the server in MONGODB_URI
}

func openDatabase(ctx context.Context, dir string) (*database, error) {
	if uri := os.Getenv("MONGODB_URI"); uri != "" {
		return &database{uri: uri}, nil
	}
	if len(os.Args) != 2 {
		return nil, errors.New("usage: demo DATABASE, or set MONGODB_URI; run make demo-mongodb, which builds the database")
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

// start starts the server, after a kill with the same address and data. It does nothing for
// the server in MONGODB_URI.
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
		return errors.New("the database did not start")
	}
	d.process, d.address = process, uri.Host
	d.uri = "mongodb://" + uri.Host + "/?retryWrites=false" // the server supports no retryable writes
	return nil
}

// kill ends the server like a crash. It does nothing for the server in MONGODB_URI.
func (d *database) kill() {
	if d.process != nil {
		d.process.Kill()
	}
}
