package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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

// production finds everything in MongoDB, and at the collector what concerns security.
// The servers come after the requests: until then the ledger keeps the records.
func (d *demo) production(ctx context.Context) error {
	collectorPort, err := drive.FreePort(ctx)
	if err != nil {
		return err
	}
	db, err := d.startDatabase(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	db.process.Kill() // its address is known now
	s, err := d.start(ctx, "production",
		"AUDIT_LEDGER_DIR="+filepath.Join(d.dir, "production"),
		"AUDIT_HMAC_KEY=0123456789abcdef0123456789abcdef",
		"AUDIT_MONGODB_URI="+db.uri,
		"COLLECTOR_ENDPOINT=http://127.0.0.1:"+collectorPort,
	)
	if err != nil {
		return err
	}
	if err := errors.Join(use(ctx, s.port), refused(ctx, s.port)); err != nil {
		s.kill()
		return err
	}
	fmt.Println("-- now come the database and the collector")
	if db, err = d.startDatabase(ctx, db.address); err != nil {
		s.kill()
		return err
	}
	defer db.process.Kill()
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

// refused makes a request that the policy refuses. It leaves nothing in the trail.
func refused(ctx context.Context, port string) error {
	c := drive.Client{Base: "http://alice:correct%20horse@127.0.0.1:" + port}
	answer := c.Do(ctx, "an intent without a reason", "POST", "/accounts/9/close", 500)
	if c.Err == nil && !strings.Contains(answer, `rule "closing"`) {
		return fmt.Errorf("it is not the policy that refuses: %s", answer)
	}
	return c.Err
}

// everything is what MongoDB has.
var everything = drive.Trail{
	Has: []string{
		`denied +user\.login`, `success +account\.read`, `denied +account\.read`, `success +account\.close`, `reason: moved abroad`, `denied +account\.close`,
	},
	Counts:  map[string]int{"account.close": 2, "account.read": 2, "access.denied": 1},
	Secrets: secrets,
}

// security is what the collector has. Its filter takes what was denied; the policy keeps
// the reading that was from it.
var security = drive.Trail{
	Has: []string{
		`EventName: user\.login`, `EventName: access\.denied`, `EventName: account\.close`, `hmac:k1:[0-9a-f]{32}`,
		`service\.name: Str\(accounts\)`, `deployment\.environment\.name: Str\(production\)`,
	},
	Counts:  map[string]int{"account.read": 0, "moved abroad": 0},
	Secrets: secrets,
}

// database is the server, with its address.
type database struct {
	process *drive.Process
	address string
	uri     string
}

func (d *demo) startDatabase(ctx context.Context, address string) (*database, error) {
	dir := filepath.Join(d.dir, "database")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	process, err := drive.Start(ctx, nil, os.Args[2], "-listen", address, "-dir", dir)
	if err != nil {
		return nil, err
	}
	uri, err := url.Parse(process.FirstLine())
	if err != nil || uri.Host == "" {
		process.Kill()
		return nil, errors.New("the database does not start")
	}
	// It has no retryable writes.
	return &database{process: process, address: uri.Host, uri: "mongodb://" + uri.Host + "/?retryWrites=false"}, nil
}

// startCollector runs collector.yaml with the port and a file for what it shows.
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
		return nil, "", fmt.Errorf("the collector does not start: %s", readFile(log))
	}
	return process, log, nil
}

// waitFor waits until the ledger has brought what it kept to both, and returns what is in
// MongoDB.
func waitFor(ctx context.Context, db *database, log string) (trail string, err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(db.uri))
	if err != nil {
		return "", err
	}
	reader := mongodb.NewReader(client.Database(config.DefaultMongoDBDatabase).Collection(config.DefaultMongoDBCollection))
	for err == nil && (strings.Count(trail, "account.close") < 2 || !strings.Contains(readFile(log), "account.close")) {
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

// eventsIn returns the lines that name the events.
func eventsIn(log string) string {
	var found strings.Builder
	for line := range strings.Lines(readFile(log)) {
		if strings.HasPrefix(line, "EventName:") {
			found.WriteString(line)
		}
	}
	return found.String()
}

// readFile returns what a file has, or nothing yet.
func readFile(path string) string {
	data, _ := os.ReadFile(path) //nolint:gosec // the demo names it
	return string(data)
}
