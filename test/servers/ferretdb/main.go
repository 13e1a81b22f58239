// Command ferretdb is the MongoDB-compatible server that the tests talk to where no
// MONGODB_URI names a real one: FerretDB on SQLite, as a process that can be killed.
//
// It listens on -listen, keeps its data in -dir, prints its URI as the first line, and
// stops when it is told to, or when its standard input ends: whoever started it has
// gone then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "the `address` to listen on")
	dir := flag.String("dir", "", "the `directory` of the data; it is made if it is not there")
	flag.Parse()
	if err := run(*listen, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

func run(listen, dir string) error {
	if dir == "" {
		return errors.New("-dir is missing")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// The server's own error for an address in use comes late and is only logged.
	probe, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	if err := probe.Close(); err != nil {
		return err
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: listen},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + filepath.ToSlash(dir) + "/",
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	go func() { fmt.Println(server.MongoDBURI()) }() // known once the server runs
	return server.Run(ctx)
}
