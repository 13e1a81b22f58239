// Demo builds the deploy example, drives each of its three deployments with real HTTP
// requests, and fails if a trail is not where the configuration file sends it.
//
//	demo path/to/collector path/to/database
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opendeed/audit/examples/internal/drive"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: demo COLLECTOR DATABASE; run make demo-deploy, which builds both")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "deploy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := drive.Build(ctx, dir, "deploy")
	if err != nil {
		return err
	}
	d := demo{dir: dir, program: program}
	for _, deployment := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"development", d.development},
		{"single-host", d.singleHost},
		{"production", d.production},
	} {
		fmt.Printf("\n-- %s\n", deployment.name)
		if err := deployment.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", deployment.name, err)
		}
	}
	return nil
}

// demo holds what the deployments share.
type demo struct {
	dir     string
	program string
}

// file returns the path of a deployment's file. The demo runs in the root of the repository.
func file(deployment string) string {
	return filepath.Join("examples", "deploy", deployment+".yaml")
}

// sendRequests sends the requests that are the same for every deployment.
func sendRequests(ctx context.Context, port string) error {
	c := drive.Client{Base: "http://alice:wrong@127.0.0.1:" + port}
	c.Wait(ctx)
	c.Do(ctx, "a denied login", "POST", "/login", 401)
	c.Do(ctx, "an anonymous request, rejected", "GET", "/accounts/7", 401)
	c.Base = "http://alice:correct%20horse@127.0.0.1:" + port
	c.Do(ctx, "a login", "POST", "/login", 200)
	c.Do(ctx, "a route intent", "GET", "/accounts/7", 200)
	c.Do(ctx, "a denied read", "GET", "/accounts/8?owner=bob", 403)
	c.Do(ctx, "an intent with a reason", "POST", "/accounts/7/close", 200, "reason", "moved abroad", "iban", iban)
	c.Do(ctx, "a denied attempt", "POST", "/accounts/8/close", 403, "reason", "a joke", "owner", "bob", "iban", iban)
	return c.Err
}

const iban = "DE89370400440532013000"

// secrets must not appear in any trail.
var secrets = []string{"correct horse", "DE8937"}
