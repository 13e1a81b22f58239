// Demo builds the account service, runs it in its three deployments with real HTTP
// requests, and fails if the trail is not where its file says.
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
		return errors.New("name the programs of a collector and a database, as make demo-deploy does")
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

// demo is what the deployments have in common.
type demo struct {
	dir     string
	program string
}

// file is that of a deployment; the demo is run from the root of the repository.
func file(deployment string) string {
	return filepath.Join("examples", "deploy", deployment+".yaml")
}

// use makes the requests that every deployment sees.
func use(ctx context.Context, port string) error {
	c := drive.Client{Base: "http://alice:wrong@127.0.0.1:" + port}
	c.Wait(ctx)
	c.Do(ctx, "a denied login", "POST", "/login", 401)
	c.Do(ctx, "nobody reads", "GET", "/accounts/7", 401)
	c.Base = "http://alice:correct%20horse@127.0.0.1:" + port
	c.Do(ctx, "a login", "POST", "/login", 200)
	c.Do(ctx, "a route intent", "GET", "/accounts/7", 200)
	c.Do(ctx, "a reading that is denied", "GET", "/accounts/8?owner=bob", 403)
	c.Do(ctx, "an intent with a reason", "POST", "/accounts/7/close", 200, "reason", "moved abroad", "iban", iban)
	c.Do(ctx, "an attempt that is denied", "POST", "/accounts/8/close", 403, "reason", "a joke", "owner", "bob", "iban", iban)
	return c.Err
}

const iban = "DE89370400440532013000"

// secrets must be in no trail.
var secrets = []string{"correct horse", "DE8937"}
