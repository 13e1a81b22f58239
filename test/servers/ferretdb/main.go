// Command ferretdb is the MongoDB-compatible server of the tests, which they can kill: FerretDB
// on SQLite.
//
// It listens on -listen, keeps its data in -dir and prints its URI as the first line. It stops on
// SIGINT and SIGTERM, and when its standard input ends, which happens when the process that
// started it is gone.
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
	listen := flag.String("listen", "127.0.0.1:0", "listen on `address`")
	dir := flag.String("dir", "", "keep the data in `directory`, which is created if it does not exist")
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
	// Without this check the server would only log that the address is in use, and late.
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
