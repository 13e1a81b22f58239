package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/examples/internal/drive"
	"github.com/opendeed/audit/exporters/mongodb"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// production expects everything in MongoDB and the security events at the collector. Both
// servers start after the requests; until then the ledger keeps the records.
func (d *demo) production(ctx context.Context) error {
	collectorPort, err := drive.FreePort(ctx)
	if err != nil {
		return err
	}
	db, err := d.startDatabase(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	db.Kill() // only its address is needed yet
	s, err := d.start(ctx, "production",
		"AUDIT_LEDGER_DIR="+filepath.Join(d.dir, "production"),
		"AUDIT_HMAC_KEY=0123456789abcdef0123456789abcdef",
		"AUDIT_MONGODB_URI="+db.URI,
		"COLLECTOR_ENDPOINT=http://127.0.0.1:"+collectorPort,
	)
	if err != nil {
		return err
	}
	if err := errors.Join(sendRequests(ctx, s.port), sendRejected(ctx, s.port)); err != nil {
		s.kill()
		return err
	}
	fmt.Println("-- the database and the collector start")
	if db, err = d.startDatabase(ctx, db.Address); err != nil {
		s.kill()
		return err
	}
	defer db.Kill()
	collector, log, err := d.startCollector(ctx, collectorPort)
	if err != nil {
		s.kill()
		return err
	}
	defer collector.Kill()
	trail, arrived := waitFor(ctx, db, log)
	stopped := s.stop()
	fmt.Printf("\nMongoDB:\n\n%s\nThe collector:\n\n%s", trail, eventsIn(log))
	return errors.Join(arrived, stopped, everything.Check(trail), security.Check(readFile(log)))
}

// sendRejected sends a request that the policy rejects. The trail shows the rejection.
func sendRejected(ctx context.Context, port string) error {
	c := drive.Client{Base: "http://alice:correct%20horse@127.0.0.1:" + port}
	answer := c.Do(ctx, "an intent without a reason", "POST", "/accounts/9/close", 422)
	if c.Err == nil && !strings.Contains(answer, "reason") {
		return fmt.Errorf("the response does not name the missing field: %s", answer)
	}
	return c.Err
}

// everything is the trail that MongoDB must have.
var everything = drive.Trail{
	Has: []string{
		`denied +user\.login`, `success +account\.read`, `denied +account\.read`, `success +account\.close`, `reason: moved abroad`, `denied +account\.close`,
		`failure +audit\.rejected`, `audit\.rejected\.action "account\.close"`,
	},
	Counts:  map[string]int{"account.close": 3, "account.read": 2, "access.denied": 1},
	Secrets: secrets,
}

// security is the trail that the collector must have. Its filter selects denied events, and
// the policy withholds the denied read.
var security = drive.Trail{
	Has: []string{
		`EventName: user\.login`, `EventName: access\.denied`, `EventName: account\.close`, `hmac:k1:[0-9a-f]{32}`,
		`service\.name: Str\(accounts\)`, `deployment\.environment\.name: Str\(production\)`,
	},
	Counts:  map[string]int{"account.read": 0, "moved abroad": 0},
	Secrets: secrets,
}

func (d *demo) startDatabase(ctx context.Context, address string) (*drive.Database, error) {
	dir := filepath.Join(d.dir, "database")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return drive.StartDatabase(ctx, os.Args[2], address, dir)
}

// startCollector starts the collector with collector.yaml, changed to listen on the port and
// to write to a file, whose path it returns as log.
func (d *demo) startCollector(ctx context.Context, port string) (process *drive.Process, log string, err error) {
	log = filepath.Join(d.dir, "collector.log")
	text := strings.NewReplacer(":4318", ":"+port, "[stderr]", "['"+filepath.ToSlash(log)+"']").Replace(readFile(file("collector")))
	path := filepath.Join(d.dir, "collector.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	if process, err = drive.Start(ctx, nil, os.Args[1], "-config", path); err != nil {
		return nil, "", err
	}
	if line := process.FirstLine(); line != "ready" {
		process.Kill()
		return nil, "", fmt.Errorf("the collector did not start: %s", readFile(log))
	}
	return process, log, nil
}

// waitFor waits until the ledger has delivered its records to both servers, and returns the
// trail in MongoDB.
func waitFor(ctx context.Context, db *drive.Database, log string) (trail string, err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(db.URI))
	if err != nil {
		return "", err
	}
	reader := mongodb.NewReader(client.Database(config.DefaultMongoDBDatabase).Collection(config.DefaultMongoDBCollection))
	for err == nil && (strings.Count(trail, "account.close") < 3 || !strings.Contains(readFile(log), "account.close")) {
		if trail, err = textOf(ctx, reader); err != nil {
			break
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return trail, errors.Join(err, client.Disconnect(ctx))
}

// eventsIn returns the lines of the log that name the events.
func eventsIn(log string) string {
	var found strings.Builder
	for line := range strings.Lines(readFile(log)) {
		if strings.HasPrefix(line, "EventName:") {
			found.WriteString(line)
		}
	}
	return found.String()
}

// readFile returns the content of a file, or "" if the file does not exist yet.
func readFile(path string) string {
	data, _ := os.ReadFile(path) //nolint:gosec // the demo names it
	return string(data)
}
