// Deploy is an account service whose deployment decides where its trail goes: one
// program, and a file for each deployment. README.md says how to run them, and "make
// demo-deploy" runs all three.
//
//	PORT=8080 go run ./examples/deploy -config examples/deploy/development.yaml
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/config"
)

// tracker follows the provider that main sets.
var tracker = audit.GetTrackerProvider().Tracker("example.com/accounts")

func main() {
	file := flag.String("config", "", "the deployment's `file`; without it the environment says where the trail goes")
	check := flag.Bool("check", false, "say what is wrong with the deployment, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := run
	if *check {
		run = func(ctx context.Context, file string) error { return config.Check(ctx, config.WithFile(file)) }
	}
	if err := run(ctx, *file); err != nil {
		log.SetFlags(0)
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string) error {
	// This is all that the program says about it.
	provider, err := config.NewTrackerProvider(ctx, config.WithFile(file))
	if err != nil {
		return err // everything that is wrong, a line each
	}
	audit.SetTrackerProvider(provider)

	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           newHandler(),
		ReadHeaderTimeout: 5 * time.Second,
	}
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() { drained <- server.Shutdown(context.Background()) })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	// First the requests end, then the trail. With a ledger, what cannot be delivered in
	// time is delivered after the next start.
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(<-drained, provider.Shutdown(end))
}
