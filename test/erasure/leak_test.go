// Package erasure_test looks for erasable values, and for hashes of them, in everything that a
// service leaves behind.
package erasure_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// The values that must be nowhere. Each is recorded in several ways.
var values = []string{
	"Alice Pleasance Liddell", "alice.liddell@wonderland.example", "1852-05-04", "Christ Church, Oxford",
	"+44 20 7946 0991", "asked by telephone", "the door was too small", "Dormouse of Hatter", "203.0.113.77",
	strings.Repeat("a long letter to the Queen. ", 400),
}

// rejecting is an exporter that rejects each record permanently, with an error that quotes it.
type rejecting struct{}

func (rejecting) Name() string                   { return "rejecting" }
func (rejecting) Shutdown(context.Context) error { return nil }

func (rejecting) Export(_ context.Context, records []*record.Record) error {
	return export.Permanent(fmt.Errorf("no such column: %v %v", records[0].Metadata, records[0].Actor))
}

func TestErasableValuesAreNowhere(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	keys, err := erasure.CreateDir(filepath.Join(t.TempDir(), "keys")) // apart from what is searched
	require.NoError(t, err)
	defer func() { require.NoError(t, keys.Close()) }()
	dir := filepath.Join(temp, "ledger")
	serve(t, temp, dir, keys)
	exportAll(t, temp, dir)
	archiveAll(t, temp, dir)

	found := map[string]bool{}
	for file, content := range everything(t, temp) {
		found[filepath.Ext(file)] = true
		for what, needle := range needles() {
			if i := bytes.Index(content, needle); i >= 0 {
				t.Errorf("%s has %s at %d", file, what, i)
			}
		}
	}
	for _, kind := range []string{".log", ".out", ".csv", ".jsonl", ".zst"} {
		require.True(t, found[kind], "a file %s was searched", kind)
	}
	require.FileExists(t, filepath.Join(dir, seal.DirName, "checkpoint"))
	require.DirExists(t, filepath.Join(dir, "dead-letters"))
}

// serve is a service that records the values in all ways: intents, signals, attempts that it
// leaves open, events that are rejected, and such that are too large.
func serve(t *testing.T, temp, dir string, keys erasure.KeyStore) {
	t.Helper()
	log, err := os.Create(filepath.Join(temp, "service.log"))
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	printed, err := os.Create(filepath.Join(temp, "stdout.out"))
	require.NoError(t, err)
	defer func() { require.NoError(t, printed.Close()) }()
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	vault, err := erasure.NewVault(keys, erasure.WithLogger(logger))
	require.NoError(t, err)
	out, err := stdout.New(stdout.WithWriter(printed))
	require.NoError(t, err)
	sealKey, err := seal.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	strategy := redact.Erasable(vault.For(erasure.Actor))
	options := []sdk.Option{
		sdk.WithLedger(dir, sdk.ExportTo(out), sdk.ExportTo(rejecting{}), ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSidecars(ledgerquery.NewIndexer())),
		sdk.WithSeal(sealKey), sdk.WithLogger(logger), sdk.WithFolding(2, time.Hour),
		sdk.WithValidation(sdk.WithRequired("payout.*", "metadata.ticket")),
		sdk.WithRedaction(redact.WithKeyStrategy("p.*", strategy), redact.WithKeyStrategy("client.address", strategy),
			redact.WithFieldStrategy("actor.name", strategy), redact.WithFieldStrategy("target.name", strategy),
			redact.WithFieldStrategy("covers.name", strategy), redact.WithFieldStrategy("reason", strategy), redact.WithFieldStrategy("failure", strategy)),
	}
	p, err := sdk.NewTrackerProvider(options...)
	require.NoError(t, err)
	tracker := p.Tracker("test")
	var errs []error
	track := func(e audit.Event) { errs = append(errs, tracker.Track(t.Context(), e)) }
	for i := range 20 { // several segments
		e := event("customer.update")
		e.Metadata = append(e.Metadata, attribute.String("padding", strings.Repeat("x", 8000)))
		e.Outcome = []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeDenied, audit.OutcomeFailure}[i%3]
		track(e)
	}
	large := event("customer.import")
	for i := range 100 {
		large.Metadata = append(large.Metadata, attribute.String(fmt.Sprintf("p.letter%d", i), values[9]))
	}
	large.Outcome = audit.OutcomeSuccess
	track(large)
	track(event("Malformed Action"))
	track(event("payout.send"))
	signal := event("customer.read")
	signal.Kind, signal.Outcome = audit.KindSignal, audit.OutcomeSuccess
	track(signal)
	scoped := audit.Run(t.Context(), func(ctx context.Context) error {
		e := event("customer.update")
		e.Outcome = audit.OutcomeSuccess
		return tracker.Track(ctx, e)
	}, audit.WithScopeMetadata(attribute.String("p.email", values[1]+"?")), plumbing.WithClientMetadata(attribute.String("client.address", values[8])))
	errs = append(errs, scoped)
	begun := event("customer.merge")
	begun.Outcome = audit.OutcomeUnknown
	_, err = audit.Begin(t.Context(), tracker, begun)
	require.NoError(t, err)
	_ = p.ForceFlush(t.Context()) // one exporter rejects
	require.NoError(t, p.Shutdown(t.Context()))
	for _, err := range errs {
		if err != nil {
			logger.Error("track", slog.Any("error", err))
		}
	}
	require.Error(t, errors.Join(errs...), "some events were rejected")

	p, err = sdk.NewTrackerProvider(options...) // which closes the attempt
	require.NoError(t, err)
	_ = p.ForceFlush(t.Context())
	require.NoError(t, p.Shutdown(t.Context()))
}

func event(action string) audit.Event {
	alice := audit.User("42")
	alice.Name = values[0]
	boss := audit.User("43")
	boss.Name = values[0]
	alice.OnBehalfOf = &boss
	return audit.Event{
		Action: action, Actor: alice, Reason: values[5], Failure: values[6],
		Target: audit.Target{Type: "customer", ID: "7", Name: values[7]},
		Covers: []audit.Target{{Type: "customer", ID: "8", Name: values[7]}},
		Changes: []audit.Change{
			{Field: "p.address", Old: attribute.StringValue(values[3]), New: attribute.StringValue(values[9])},
			{Field: "form", New: attribute.MapValue(attribute.String("p.born", values[2]))},
		},
		Metadata: []attribute.KeyValue{
			attribute.String("p.email", values[1]), attribute.StringSlice("p.phones", []string{values[4], values[4]}),
			attribute.Slice("people", attribute.MapValue(attribute.String("p.email", values[1]))),
			attribute.String("p.letter", values[9]), attribute.String("p.born\x00", values[2]), attribute.String("client.address", values[8]),
		},
	}
}

// exportAll exports the ledger as CSV and as lines of JSON.
func exportAll(t *testing.T, temp, dir string) {
	t.Helper()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	var csv, lines []byte
	columns, err := report.Columns()
	require.NoError(t, err)
	table := report.NewCSV(columns, time.UTC)
	n, closed := 0, 0
	for r, err := range reader.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		if r.Actor.ID == sdk.RecoveryActor && r.Action == "customer.merge" {
			closed++
			require.Equal(t, record.RedactedText, r.Target.Name, "what another record is committed to")
			require.Equal(t, record.RedactedText, r.Reason)
		}
		l, err := query.LineOf(r)
		require.NoError(t, err)
		lines, err = report.AppendJSON(lines, &l)
		require.NoError(t, err)
		csv, err = table.Append(csv, &l)
		require.NoError(t, err)
		n++
	}
	require.Greater(t, n, 20)
	require.Equal(t, 1, closed)
	require.NoError(t, os.WriteFile(filepath.Join(temp, "export.csv"), csv, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(temp, "export.jsonl"), lines, 0o600))
}

// archiveAll copies the ledger into an archive.
func archiveAll(t *testing.T, temp, dir string) {
	t.Helper()
	store, err := archive.CreateDir(filepath.Join(temp, "archives"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	var entries []archive.Entry
	for r, err := range reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		entries = append(entries, archive.Entry{Seq: uint64(len(entries) + 1), Data: b})
	}
	a, err := archive.Create(t.Context(), store, archive.Meta{Log: "shop", Class: "all", First: 1, Last: uint64(len(entries))},
		func(yield func(archive.Entry, error) bool) {
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		})
	require.NoError(t, err)
	var unpacked []byte
	for e, err := range a.Entries(t.Context()) {
		require.NoError(t, err)
		unpacked = append(unpacked, e.Data...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(temp, "archive.jsonl"), unpacked, 0o600))
}

// everything returns the contents of all files.
func everything(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	}))
	return files
}

// needles returns what must be in no file: each value, and hashes that anybody could compute who
// guesses it, in the ways in which hashes are written.
func needles() map[string][]byte {
	all := map[string][]byte{}
	add := func(what string, sum []byte) {
		all[what] = sum
		all[what+" in hexadecimal"] = []byte(hex.EncodeToString(sum[:8])) // also of a shortened hash
		all[what+" in upper case"] = []byte(strings.ToUpper(hex.EncodeToString(sum[:8])))
		all[what+" in Base64"] = []byte(base64.StdEncoding.EncodeToString(sum)[:10])
		all[what+" in URL-safe Base64"] = []byte(base64.RawURLEncoding.EncodeToString(sum)[:10])
	}
	for _, v := range values {
		name := v[:10]
		all["the beginning of "+name] = []byte(name)
		all["the end of "+name] = []byte(v[len(v)-10:])
		for form, text := range map[string]string{"": v, " as JSON": `"` + v + `"`, " with its domain": "opendeed.audit/erasable/1/commitment\n" + v} {
			sum := sha256.Sum256([]byte(text))
			add("the SHA-256 of "+name+form, sum[:])
			for key, secret := range map[string][]byte{"no key": nil, "zeros": make([]byte, 32), "the subject": []byte("user/42"), "the ID": []byte("42")} {
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(text))
				add("the HMAC of "+name+form+" with "+key, mac.Sum(nil))
			}
		}
	}
	return all
}
