// Demo builds the admin example, drives its API, its admin panel and its job queue with real
// HTTP requests, prints the trail, and fails if the trail does not distinguish them.
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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "admin")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := drive.Build(ctx, dir, "admin")
	if err != nil {
		return err
	}
	port, err := drive.FreePort(ctx)
	if err != nil {
		return err
	}
	env := []string{"PORT=" + port, "AUDIT_LEDGER_DIR=" + filepath.Join(dir, "audit-ledger")}
	service, err := drive.Start(ctx, env, program)
	if err != nil {
		return err
	}
	c := drive.Client{Base: "http://127.0.0.1:" + port}
	work(ctx, &c)
	stopped := service.Stop() // the service finishes its jobs first

	trail, err := drive.Output(ctx, env, program, "trail")
	fmt.Printf("\nThe trail:\n\n%s\n", trail)
	return errors.Join(c.Err, stopped, err, wanted.Check(trail))
}

func work(ctx context.Context, c *drive.Client) {
	c.Wait(ctx)
	c.Token = "alice"
	c.Do(ctx, "an author uses the API", "POST", "/api/articles/1", 201, "title", "Hello", "owner", "alice")
	c.Do(ctx, "the author changes the title", "PUT", "/api/articles/1", 204, "title", "Hello, world")
	c.Do(ctx, "a request that changes nothing, exempt by a rule", "POST", "/api/preview", 200)
	c.Do(ctx, "a forgotten intent, reported by the coverage check", "POST", "/api/newsletter", 202)
	c.Token = "root"
	c.Do(ctx, "an administrator uses the panel", "PUT", "/admin/articles/1", 204, "title", "Hello", "reason", "legal request 7")
	c.ViewAs("alice")
	c.Do(ctx, "an administrator in the author's account", "PUT", "/admin/articles/1", 204, "title", "Hi", "reason", "ticket 12")
	c.ViewAs("")
	c.Do(ctx, "a bulk change", "POST", "/admin/articles/retitle", 204, "owner", "alice", "title", "Untitled", "reason", "policy 4")
	c.Do(ctx, "a bulk change without a reason, rejected", "POST", "/admin/articles/retitle", 400, "owner", "alice", "title", "Lost")
	c.Token = "alice"
	c.Do(ctx, "a job on behalf of the author", "POST", "/api/articles/1/archive", 202)
	c.Token = ""
	c.Do(ctx, "an anonymous request, rejected", "PUT", "/api/articles/1", 401, "title", "Forged")
}

var wanted = drive.Trail{
	Has: []string{
		`success  article\.create +user alice via bearer → article/1 "Hello"\n    channel api`,
		`success  article\.update +user alice via bearer → article/1 "Hello, world"\n    channel api`,
		`success  article\.update +user root via bearer → article/1 "Hello"\n    channel admin.*\n    reason: legal request 7`,
		`success  article\.update +user root via bearer, for user alice → article/1 "Hi"\n    channel admin`,
		`article\.retitle +user root.*\n    channel admin.*\n    reason: policy 4\n    bulk: 1 of owner=alice, such as 1`,
		`success  article\.update +user alice via bearer → article/1 "Untitled"\n    channel job.*\n    reason: archived on request`,
		`audit\.coverage\.missing +user alice via bearer → route.*/api/newsletter"?  \[signal\]`,
		`audit\.rejected +user root via bearer .*\[signal\]\n    channel admin.*\n    failure: .*reason: it is required`,
		`access\.denied +anonymous`,
	},
	Counts: map[string]int{"[signal]": 2, "article.create": 1, "article.update": 4, "article.retitle": 3, "audit.coverage.missing": 1},
}
