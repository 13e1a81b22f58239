package auditmongo_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/diff"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var articles = auditmongo.Collection{
	Name: "articles", TargetType: "article",
	Fields: map[string]diff.Rule{
		"title":        diff.Tracked,
		"views":        diff.Tracked,
		"address":      diff.Tracked,
		"address.code": diff.Sensitive,
		"author.email": diff.Tracked,
		"body":         diff.Sensitive,
		"items":        diff.Tracked,
		"items.note":   diff.Sensitive,
		"lines.price":  diff.Tracked,
	},
}

// fixture calls a monitor as the driver does.
type fixture struct {
	t        testing.TB
	recorder *audittest.Recorder
	monitor  *auditmongo.Monitor
	driver   *event.CommandMonitor
	requests atomic.Int64

	mu     sync.Mutex
	errors []error
	log    bytes.Buffer
}

func newFixture(t testing.TB, opts ...auditmongo.Option) *fixture {
	t.Helper()
	f := &fixture{t: t, recorder: audittest.NewRecorder(t)}
	f.start(f.recorder.Tracker("example.com/shop"), opts...)
	return f
}

func (f *fixture) start(tracker audit.Tracker, opts ...auditmongo.Option) {
	f.t.Helper()
	opts = append([]auditmongo.Option{
		auditmongo.WithErrorHandler(func(_ context.Context, err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.errors = append(f.errors, err)
		}),
		auditmongo.WithLogger(slog.New(slog.NewTextHandler(&f.log, nil))),
	}, opts...)
	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{articles}, opts...)
	require.NoError(f.t, err)
	f.monitor, f.driver = monitor, monitor.CommandMonitor()
	f.t.Cleanup(f.finish)
}

// finish shuts the monitor down, which waits until the signals are tracked.
func (f *fixture) finish() { _ = f.monitor.Shutdown(context.Background()) }

func (f *fixture) records() []*record.Record {
	f.t.Helper()
	f.finish()
	return f.recorder.Records()
}

// lost returns the errors that the error handler received.
func (f *fixture) lost() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errors
}

func (f *fixture) started(ctx context.Context, command bson.D) *event.CommandFinishedEvent {
	f.t.Helper()
	raw := marshal(f.t, command)
	id := f.requests.Add(1)
	f.driver.Started(ctx, &event.CommandStartedEvent{
		Command: raw, DatabaseName: "shop", CommandName: command[0].Key, RequestID: id, ConnectionID: "a",
	})
	for i := range raw {
		raw[i] = 0xff // the monitor must not retain the command
	}
	return &event.CommandFinishedEvent{
		DatabaseName: "shop", CommandName: command[0].Key, RequestID: id, ConnectionID: "a",
	}
}

// run plays a command that succeeds with reply.
func (f *fixture) run(ctx context.Context, command, reply bson.D) {
	f.t.Helper()
	finished := f.started(ctx, command)
	f.driver.Succeeded(ctx, &event.CommandSucceededEvent{CommandFinishedEvent: *finished, Reply: marshal(f.t, reply)})
}

// fail plays a command that fails with err.
func (f *fixture) fail(ctx context.Context, command bson.D, err error) {
	f.t.Helper()
	finished := f.started(ctx, command)
	f.driver.Failed(ctx, &event.CommandFailedEvent{CommandFinishedEvent: *finished, Failure: err})
}

func marshal(t testing.TB, d bson.D) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(d)
	require.NoError(t, err)
	return raw
}

func okReply(n int, more ...bson.E) bson.D {
	return append(bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(n)}}, more...)
}

func insert(documents ...any) bson.D {
	return bson.D{{Key: "insert", Value: "articles"}, {Key: "documents", Value: bson.A(documents)}}
}

func update(q, u any, more ...bson.E) bson.D {
	statement := append(bson.D{{Key: "q", Value: q}, {Key: "u", Value: u}}, more...)
	return bson.D{{Key: "update", Value: "articles"}, {Key: "updates", Value: bson.A{statement}}}
}

func remove(q any, limit int) bson.D {
	statement := bson.D{{Key: "q", Value: q}, {Key: "limit", Value: int32(limit)}}
	return bson.D{{Key: "delete", Value: "articles"}, {Key: "deletes", Value: bson.A{statement}}}
}

func findAndModify(query any, more ...bson.E) bson.D {
	return append(bson.D{{Key: "findAndModify", Value: "articles"}, {Key: "query", Value: query}}, more...)
}

func id(v any) bson.D { return bson.D{{Key: "_id", Value: v}} }

func set(kv ...any) bson.D { return operator("$set", kv...) }

func operator(name string, kv ...any) bson.D { return bson.D{{Key: name, Value: pairs(kv...)}} }

func pairs(kv ...any) bson.D {
	d := bson.D{}
	for i := 0; i < len(kv); i += 2 {
		d = append(d, bson.E{Key: kv[i].(string), Value: kv[i+1]})
	}
	return d
}

// render returns the action, outcome and target of a record, then a line for each change.
func render(r *record.Record) []string {
	lines := []string{r.Action + " " + r.Outcome.String() + " " + r.Target.Type + "/" + r.Target.ID}
	for _, c := range r.Changes {
		line := c.Field + " = " + c.New.Type().String()
		if s := c.New.String(); s != "" {
			line += " " + s
		}
		if c.Redacted {
			line += " redacted"
		}
		lines = append(lines, line)
	}
	return lines
}
