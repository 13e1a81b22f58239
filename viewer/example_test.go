package viewer_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/viewer"
)

// healthOf returns the state of a provider with one ledger.
func healthOf(ctx context.Context, provider *sdk.TrackerProvider, files *ledger.Reader) (viewer.Health, error) {
	stats, err := files.Stats()
	if err != nil {
		return viewer.Health{}, err
	}
	h := viewer.Health{
		Err: provider.Err(), Records: int64(stats.Next - stats.First), Bytes: stats.Bytes,
		LastScrub: stats.Scrubbed, Damaged: stats.ScrubDamaged,
	}
	rejected := map[string]int64{}
	for letter, err := range provider.DeadLetters(ctx) {
		if err != nil {
			return h, err
		}
		if !letter.Replayed {
			rejected[letter.Exporter]++
		}
	}
	for name, delivered := range stats.Cursors {
		e := viewer.ExporterHealth{Name: name, Undelivered: int64(stats.Next - 1 - delivered), DeadLetters: rejected[name]}
		for entry, err := range files.Entries(ctx, delivered+1) {
			var oldest record.Record
			if err == nil && oldest.UnmarshalJSON(entry.Data) == nil {
				e.Oldest = oldest.Time
			}
			break
		}
		h.Exporters = append(h.Exporters, e)
	}
	return h, nil
}

// The health page of a service that has a provider with one ledger and one exporter.
func ExampleWithHealth() {
	dir, err := os.MkdirTemp("", "audit-ledger")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	exporter, err := stdout.New(stdout.WithWriter(io.Discard))
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.ExportTo(exporter)))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	defer func() { _ = provider.Shutdown(ctx) }()
	tracker := provider.Tracker("example.com/shop/audit")

	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		log.Fatal(err)
	}
	files, err := ledger.OpenReader(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = files.Close() }()
	var seen viewer.Health
	handler, err := viewer.New(reader,
		viewer.Authorize(func(*http.Request) (audit.Actor, viewer.View, error) {
			return audit.User("auditor"), viewer.View{All: true}, nil
		}),
		viewer.WithTracker(tracker),
		viewer.WithHealth(func(ctx context.Context) (h viewer.Health, err error) {
			seen, err = healthOf(ctx, provider, files)
			return seen, err
		}),
	)
	if err != nil {
		log.Fatal(err)
	}

	if err := provider.ForceFlush(ctx); err != nil {
		log.Fatal(err)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/health", nil))
	fmt.Println(answer.Code, seen.Err, seen.Records > 0, len(seen.Exporters), seen.Exporters[0].DeadLetters)
	// Output: 200 <nil> true 1 0
}
