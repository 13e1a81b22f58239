// Demo builds the invoice service, runs it with a MongoDB-compatible server or with the
// MongoDB in MONGODB_URI, drives it with real HTTP requests, prints the trail, shows it in the
// viewer, and fails if the trail is wrong.
//
//	demo path/to/database
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	dir, err := os.MkdirTemp("", "echo-mongodb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := drive.Build(ctx, dir, "echo-mongodb")
	if err != nil {
		return err
	}
	port, err := drive.FreePort(ctx)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, filepath.Join(dir, "db"))
	if err != nil {
		return err
	}
	defer db.kill()
	d := demo{
		Client: drive.Client{Base: "http://127.0.0.1:" + port},
		db:     db,
		dir:    dir,
		env: []string{
			"PORT=" + port, "MONGODB_URI=" + db.uri, "MONGODB_DATABASE=" + filepath.Base(dir),
			"AUDIT_LEDGER_DIR=" + filepath.Join(dir, "audit-ledger"),
		},
		program: program,
	}
	return d.run(ctx)
}

type demo struct {
	drive.Client

	db      *database
	dir     string
	program string
	env     []string
}

func (d *demo) run(ctx context.Context) error {
	service, err := drive.Start(ctx, d.env, d.program)
	if err != nil {
		return err
	}
	d.Wait(ctx)
	d.Do(ctx, "a denied login", "POST", "/login", 401, "name", "alice", "password", "wrong")
	d.login(ctx)
	first := d.create(ctx, "an intent; it covers the driver's signal")
	d.Do(ctx, "a diff against the value that the write replaced", "PATCH", first, 204, "amount", "13000", "reason", "freight was missing")
	d.Do(ctx, "a route intent", "POST", first+"/approve", 204)
	d.Do(ctx, "a route intent that fails: already approved", "POST", first+"/approve", 404)
	d.Do(ctx, "a bulk write, recorded as one event", "POST", "/invoices/archive", 200)
	second := d.create(ctx, "another intent")
	d.Do(ctx, "a forgotten intent; the signal is recorded", "DELETE", second, 204)

	third := d.create(ctx, "a third intent")
	if d.db.server != nil {
		d.db.kill()
		fmt.Println("-- kill -9 of the database")
		d.Do(ctx, "an attempt that fails and is recorded all the same", "POST", third+"/approve", 500)
	}
	service.Kill()
	fmt.Println("-- kill -9 of the service, then a restart of both")
	if err := d.db.restart(ctx); err != nil {
		return err
	}
	if service, err = drive.Start(ctx, d.env, d.program); err != nil {
		return err
	}
	d.Wait(ctx)
	d.login(ctx)
	if d.db.server != nil {
		d.waitFor(ctx, third, "failure")
	}
	var trail strings.Builder
	for _, invoice := range []string{first, second, third} {
		trail.WriteString(d.Do(ctx, "the trail of one invoice, from MongoDB", "GET", invoice+"/trail", 200))
	}
	stopped := service.Stop()
	fmt.Printf("\nThe trail of the invoices:\n\n%s\n", trail.String())
	if err := errors.Join(d.Err, stopped, wanted.Check(trail.String())); err != nil {
		return err
	}
	return d.show(ctx)
}

// show opens the trail in the viewer, from MongoDB.
func (d *demo) show(ctx context.Context) error {
	deed, err := drive.BuildDeed(ctx, d.dir)
	if err != nil {
		return err
	}
	uri, params, _ := strings.Cut(d.db.uri, "?")
	v, err := drive.StartViewer(ctx, deed, strings.TrimRight(uri, "/")+"/"+filepath.Base(d.dir)+".audit?"+params)
	if err != nil {
		return err
	}
	fmt.Printf("The trail in a browser, by deed serve on MongoDB: %s\n", v.Link)
	page, err := v.Page(ctx)
	if err == nil && !strings.Contains(page, " approved ") {
		err = errors.New("the viewer lacks a sentence")
	}
	return errors.Join(err, v.Stop())
}

func (d *demo) login(ctx context.Context) {
	d.Token = d.Do(ctx, "a login", "POST", "/login", 200, "name", "alice", "password", "correct horse")
}

func (d *demo) create(ctx context.Context, what string) string {
	return "/invoices/" + d.Do(ctx, what, "POST", "/invoices", 201, "amount", "12500", "account", "DE89370400440532013000")
}

// waitFor waits until the ledger has delivered a record with the text to the database.
func (d *demo) waitFor(ctx context.Context, invoice, text string) {
	for d.Err == nil && !strings.Contains(d.Do(ctx, "is the record in MongoDB yet?", "GET", invoice+"/trail", 200), text) {
		select {
		case <-ctx.Done():
			d.Err = ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

var wanted = drive.Trail{
	Has: []string{
		`invoice\.create +user alice via jwt`, `~ amount: 12500 → 13000`, `freight was missing`, `success +invoice\.approve`,
		`failure +invoice\.approve`, `invoice\.delete +user alice via jwt .*\[signal\]`, `account: \*\*\*REDACTED\*\*\*`,
	},
	Counts:  map[string]int{"invoice.create": 3, "invoice.update": 1, "success  invoice.approve": 1, "invoice.delete": 1},
	Secrets: []string{"correct horse", "DE8937", "eyJ"},
}
