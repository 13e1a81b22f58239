package sdk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/internal/lockedbuffer"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// secrets maps a kind of secret to a text with one and to what nobody may see of it.
var secrets = map[string]struct{ text, core string }{
	"web token":   {"eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnktNDIifQ." + strings.Repeat("x", 43), "eyJzdWIiOiJjYW5hcnktNDIifQ"},
	"token":       {"ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789", "ghijklmnopqrstuvwxyz"},
	"assignment":  {"password=Zx9CanaryZx9", "Zx9CanaryZx9"},
	"private key": {"-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("MIICanaryAbC0123", 8) + "\n-----END PRIVATE KEY-----", "CanaryAbC0123MIICanary"},
	"card number": {"4111111111111111", "4111111111111111"},
	"URL":         {"https://bob:Zx9CanaryZx9@db.example/x", "Zx9CanaryZx9"},
}

// place is a text of a record.
type place struct {
	path string
	set  func(text string)
	id   bool // it is not searched for card numbers
}

// placesOf returns every text of r, which has an element in each of its lists. It fails for
// a type that it does not know: whoever adds it to a record decides how it is redacted.
func placesOf(t *testing.T, r *record.Record) (places []place) {
	t.Helper()
	add := func(path string, set func(string)) {
		id := strings.HasSuffix(path, ".ID") || strings.HasSuffix(path, ".SessionID") || strings.Contains(path, ".Sample[")
		places = append(places, place{path, set, id || path == "Event.Tenant" || path == "Channel"})
	}
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch target := v.Addr().Interface().(type) {
		case *time.Time, *audit.ID, *trace.TraceID, *trace.SpanID, *[32]byte:
			return
		case **resource.Resource:
			add(path+" value", func(text string) { *target = resource.NewSchemaless(attribute.String("note", text)) })
			add(path+" key", func(text string) { *target = resource.NewSchemaless(attribute.String(text, "x")) })
			return
		case *attribute.KeyValue:
			add(path+" key", func(text string) { target.Key = attribute.Key(text) })
			walk(v.FieldByName("Value"), path)
			return
		case *attribute.Value:
			add(path+" text", func(text string) { *target = attribute.StringValue(text) })
			add(path+" texts", func(text string) { *target = attribute.StringSliceValue([]string{"x", text}) })
			add(path+" bytes", func(text string) { *target = attribute.ByteSliceValue([]byte(text)) })
			add(path+" map", func(text string) { *target = attribute.MapValue(attribute.String("note", text)) })
			add(path+" map key", func(text string) { *target = attribute.MapValue(attribute.String(text, "x")) })
			return
		}
		switch v.Kind() {
		case reflect.Bool, reflect.Int64, reflect.Uint8:
		case reflect.String:
			add(path, v.SetString)
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem(), path)
			}
		case reflect.Slice:
			require.Positive(t, v.Len(), "fullRecord needs an element in %s", path)
			walk(v.Index(0), path+"[0]")
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(v.Field(i), strings.TrimPrefix(path+"."+f.Name, "."))
				}
			}
		default:
			require.Fail(t, "a record has a type that redaction may not know", "%s: %s", path, v.Type())
		}
	}
	walk(reflect.ValueOf(r).Elem(), "")
	return places
}

// fullRecord has an element in each list.
func fullRecord() *record.Record {
	kvs := func() []attribute.KeyValue { return []attribute.KeyValue{attribute.String("a", "x")} }
	return &record.Record{
		Event: audit.Event{
			Action: "thing.update", Outcome: audit.OutcomeSuccess,
			Actor: audit.Actor{
				Type: audit.ActorUser, ID: "42", Roles: []string{"admin"},
				OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "43", Roles: []string{"admin"}},
			},
			Target: audit.Target{Type: "thing", ID: "1"}, Covers: []audit.Target{{Type: "part", ID: "2"}},
			Bulk: audit.Bulk{Selector: "all", Affected: 1, Sample: []string{"1"}}, Changes: []audit.Change{{Field: "f"}},
			Metadata: kvs(), Marks: []mark.Mark{{Path: "reason", Kind: mark.Requested}},
		},
		Overridden: kvs(), Redacted: []string{"metadata.b"},
	}
}

// mutation is a change of a record by a processor, in a context.
type mutation struct{}

func mutate(ctx context.Context, r *record.Record, next sdk.Next) error {
	if change, ok := ctx.Value(mutation{}).(func(*record.Record)); ok {
		change(r)
	}
	return next(ctx, r)
}

// trackPlace tracks an event with a secret in the places for which in reports true. A
// processor adds what an event does not have.
func trackPlace(t *testing.T, tracker audit.Tracker, text string, in func(int, place) bool, change func(*audit.Event)) error {
	t.Helper()
	set := func(r *record.Record) {
		for i, p := range placesOf(t, r) {
			if in(i, p) {
				p.set(text)
			}
		}
	}
	full := fullRecord()
	set(full)
	change(&full.Event)
	ctx := context.WithValue(t.Context(), mutation{}, func(r *record.Record) {
		r.Overridden, r.Redacted = full.Overridden, full.Redacted
		if full.Resource != nil {
			r.Resource = full.Resource
		}
		if full.Tracker.Name != "" {
			r.Tracker.Name = full.Tracker.Name
		}
		r.Tracker.Version, r.Channel = full.Tracker.Version, full.Channel
	})
	return tracker.Track(ctx, full.Event)
}

// outputs is what a program and its sinks get to see.
type outputs struct{ lockedbuffer.Buffer }

// around returns what is around the first occurrence of a text, or "" if there is none.
func (o *outputs) around(text string) string {
	all := o.String()
	at := strings.Index(all, text)
	if at < 0 {
		return ""
	}
	return all[max(0, at-100):min(len(all), at+len(text)+100)]
}

// error writes all forms of an error, and of those that it wraps.
func (o *outputs) error(err error) {
	if err == nil {
		return
	}
	_, _ = fmt.Fprintf(o, "error: %v %+v\n", err, err)
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, each := range joined.Unwrap() {
			o.error(each)
		}
	}
	o.error(errors.Unwrap(err))
}

// files writes the files in a directory.
func (o *outputs) files(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		_, _ = o.Write(bytes.TrimRight(data, "\x00"))
		return err
	}))
}

// TestEveryTextIsRedacted puts secrets into each text of a record, and lets everything fail
// that can. None is seen anywhere: not in a ledger or at an exporter, in a dead letter, a
// log line or an error, the end of an attempt that a crash left open, or a fold.
func TestEveryTextIsRedacted(t *testing.T) {
	t.Parallel()
	for kind, secret := range secrets {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, out := filepath.Join(t.TempDir(), "ledger"), &outputs{}
			refuse := func(context.Context, []*record.Record) error {
				return export.Permanent(fmt.Errorf("cannot store %q at https://bob:%s@db.example/x, %w", secret.text, secret.core, errors.New(secret.text)))
			}
			broken := &sink{name: "broken", export: refuse}
			open := func() *sdk.TrackerProvider {
				lines, err := stdout.New(stdout.WithWriter(out), stdout.WithName("lines"))
				require.NoError(t, err)
				text, err := stdout.New(stdout.WithWriter(out), stdout.WithText(), stdout.WithName("text"))
				require.NoError(t, err)
				p, err := sdk.NewTrackerProvider(
					sdk.WithLedger(dir, ledger.WithSegmentSize(1<<20), sdk.ExportTo(&sink{name: "refusing", export: refuse}, sdk.WithBatchInterval(time.Millisecond))),
					sdk.WithSyncer(lines), sdk.WithSyncer(text), sdk.WithSyncer(broken),
					sdk.WithProcessor(sdk.ProcessorFunc(mutate)), sdk.WithLogger(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))),
					sdk.WithFolding(1, time.Hour),
					sdk.WithResource(resource.NewSchemaless(attribute.String("note", secret.text))),
				)
				require.NoError(t, err)
				return p
			}
			p := open()
			tracker := p.Tracker(secret.text, audit.WithVersion(secret.text))
			searched := func(p place) bool { return kind != "card number" || !p.id }
			unchanged := func(*audit.Event) {}
			for i, tested := range placesOf(t, fullRecord()) {
				if !searched(tested) {
					continue
				}
				out.error(trackPlace(t, tracker, secret.text, func(j int, _ place) bool { return i == j }, unchanged))
				require.Empty(t, out.around(secret.core), tested.path)
			}
			everywhere := func(_ int, p place) bool {
				return searched(p) && p.path != "Event.Action" && !strings.HasSuffix(p.path, ".Kind")
			}
			out.error(trackPlace(t, tracker, secret.text, everywhere, func(e *audit.Event) { e.Changes[0].Redacted = true }))
			for range 3 { // the first stays whole, the rest is folded
				out.error(trackPlace(t, tracker, secret.text, everywhere, func(e *audit.Event) { e.Outcome = audit.OutcomeDenied }))
			}
			out.error(trackPlace(t, tracker, secret.text, everywhere, func(e *audit.Event) { e.Covers[0].Type = "" })) // it is rejected
			broken.export = nil
			require.NoError(t, trackPlace(t, tracker, secret.text, everywhere, func(e *audit.Event) {
				e.ID = audit.NewID() // an attempt that nobody finishes
				e.Attempt, e.Outcome = e.ID, audit.OutcomeUnknown
			}))
			finish := func() {
				out.error(p.ForceFlush(t.Context()))
				for letter, err := range p.DeadLetters(t.Context()) {
					require.NoError(t, err)
					encoded, err := json.Marshal(letter)
					require.NoError(t, err)
					_, _ = out.Write(encoded)
				}
				_, err := p.ReplayDeadLetters(t.Context(), "refusing")
				out.error(err)
				out.error(p.Shutdown(t.Context()))
				require.Empty(t, out.around(secret.core))
			}
			finish()
			p = open() // it closes the attempt
			finish()
			out.files(t, dir)
			assert.Empty(t, out.around(secret.core))
			for _, seen := range []string{
				record.RedactedText, "cannot store", `"reason":"cannot store`, "covers[0].type", `"action":"audit.rejected"`,
				`"audit.fold":"actor"`, `"id":"` + sdk.RecoveryActor + `"`,
			} {
				assert.NotEmpty(t, out.around(seen), seen)
			}
		})
	}
}
