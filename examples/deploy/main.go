// Deploy is an account service whose deployment decides where its audit trail goes: one
// program with three configuration files. README.md says how to run each. "make
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
	"syscall"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/config"
)

// tracker uses the provider that run sets.
var tracker = audit.GetTrackerProvider().Tracker("example.com/accounts")

func main() {
	file := flag.String("config", "", "read the deployment from `file` instead of the environment")
	check := flag.Bool("check", false, "report what is wrong with the deployment and exit")
	flag.Parse()
	if err := run(*file, *check); err != nil {
		log.SetFlags(0)
		log.Fatal(err)
	}
}

func run(file string, check bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if check {
		return config.Check(ctx, config.WithFile(file))
	}
	// Nothing else in the program says where the trail goes.
	provider, err := config.NewTrackerProvider(ctx, config.WithFile(file))
	if err != nil {
		return err // one line for each mistake
	}
	audit.SetTrackerProvider(provider)
	err = serve(ctx, &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           newHandler(),
		ReadHeaderTimeout: 5 * time.Second,
	})
	// The requests have finished and are recorded. Now the provider delivers what is left. A
	// ledger keeps what it cannot deliver in time for the next start.
	return errors.Join(err, withTimeout(provider.Shutdown))
}

// serve answers requests until ctx ends, then waits for those under way.
func serve(ctx context.Context, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return withTimeout(server.Shutdown)
	}
}

// shutdownTimeout limits each step of the shutdown.
const shutdownTimeout = 5 * time.Second

// withTimeout calls fn with a context that ends after shutdownTimeout.
func withTimeout(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return fn(ctx)
}
