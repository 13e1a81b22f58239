package main

import (
	"context"
	"errors"
	"os"

	"github.com/opendeed/audit/examples/internal/drive"
)

// database is a server that the demo runs, or the one in MONGODB_URI.
type database struct {
	server *drive.Database // nil for the server in MONGODB_URI
	dir    string
	uri    string // stays the same after a restart
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
	server, err := drive.StartDatabase(ctx, os.Args[1], "127.0.0.1:0", dir)
	if err != nil {
		return nil, err
	}
	return &database{server: server, dir: dir, uri: server.URI}, nil
}

// restart starts the server after kill, with the same address and data. It does nothing for the
// server in MONGODB_URI.
func (d *database) restart(ctx context.Context) (err error) {
	if d.server != nil {
		d.server, err = drive.StartDatabase(ctx, os.Args[1], d.server.Address, d.dir)
	}
	return err
}

// kill ends the server like a crash. It does nothing for the server in MONGODB_URI.
func (d *database) kill() {
	if d.server != nil {
		d.server.Kill()
	}
}
