package bench

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// The service that writes meanwhile: how many records a second, by how many callers.
const (
	loadRate    = 1000
	loadCallers = 50
)

// loadSeconds is how long each half of the test takes: AUDIT_BENCH_SECONDS, or 5.
func loadSeconds(b *testing.B) time.Duration {
	b.Helper()
	text := os.Getenv("AUDIT_BENCH_SECONDS")
	if text == "" {
		return 5 * time.Second
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return time.Duration(n) * time.Second
}

// BenchmarkViewerLoad measures durable Track of a service that writes 1,000 records a second to
// a ledger with AUDIT_BENCH_RECORDS records, first alone and then while 50 people click through
// the same ledger, once a second each. Run it with -benchtime 1x.
func BenchmarkViewerLoad(b *testing.B) {
	n := recordCount(b)
	dir := copiedLedger(b, generatedLedger(b, n))
	samples := viewedSamples(n)
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, ledger.WithScrub(0), ledger.WithSidecars(ledgerquery.NewIndexer())))
	require.NoError(b, err)
	handler := newViewer(b, dir)
	for _, p := range viewed { // the indexes are opened, and the files read once
		view(b, handler, 0, p.address(samples[0]))
	}
	tracker := provider.Tracker("bench")
	for b.Loop() {
		alone := tracked(b, tracker, nil)
		before := processorTime(b)
		stop := make(chan struct{})
		var pages map[string][]time.Duration
		var clicking sync.WaitGroup
		clicking.Go(func() { pages = click(b, handler, samples, stop) })
		beside := tracked(b, tracker, func() { close(stop) })
		clicking.Wait()
		used := processorTime(b) - before
		reportTimes(b, "track-alone", alone)
		reportTimes(b, "track-beside", beside)
		var all []time.Duration
		for _, p := range viewed {
			b.Logf("%-9s %s", p.name, percentiles(pages[p.name]))
			all = append(all, pages[p.name]...)
		}
		reportTimes(b, "page", all)
		b.ReportMetric(float64(len(pages[failedPages])), "pages-failed")
		b.ReportMetric(float64(used.Milliseconds())/float64(max(1, len(all))), "cpu-ms/page")
	}
	require.NoError(b, provider.Shutdown(b.Context()))
}

// tracked tracks for a while at the rate, and returns how long each Track took. Then it calls
// done.
func tracked(b *testing.B, tracker audit.Tracker, done func()) []time.Duration {
	b.Helper()
	var mu sync.Mutex
	var times []time.Duration
	var callers sync.WaitGroup
	began, length := time.Now(), loadSeconds(b)
	for caller := range loadCallers {
		callers.Go(func() {
			ticker := time.NewTicker(loadCallers * time.Second / loadRate)
			defer ticker.Stop()
			for time.Since(began) < length {
				start := <-ticker.C // when it was due: a Track that is late delays the next ones
				err := tracker.Track(b.Context(), audit.Event{
					Action: "order.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Actor: audit.User(strconv.Itoa(caller)),
					Target:  audit.Target{Type: "order", ID: strconv.Itoa(caller)},
					Changes: []audit.Change{{Field: "state", Old: attribute.StringValue("paid"), New: attribute.StringValue("sent")}},
				})
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				times = append(times, time.Since(start))
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	if done != nil {
		done()
	}
	return times
}

// failedPages is the name of the times of pages that said that there is too much to do.
const failedPages = "failed"

// click opens pages for 50 people until stop is closed, and returns how long each took.
func click(b *testing.B, handler http.Handler, samples []*record.Record, stop <-chan struct{}) map[string][]time.Duration {
	b.Helper()
	var mu sync.Mutex
	times := map[string][]time.Duration{}
	var all sync.WaitGroup
	for person := range people {
		all.Go(func() {
			pause := time.NewTimer(time.Duration(person) * time.Second / people)
			defer pause.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-pause.C:
				}
				page := viewed[(person+n)%len(viewed)]
				address := page.address(samples[(person*7+n)%len(samples)])
				answer, took := request(b, handler, person, address)
				switch answer.Code {
				case http.StatusOK, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
				default:
					b.Errorf("%s: %d %s", address, answer.Code, answer.Body)
				}
				mu.Lock()
				times[page.name] = append(times[page.name], took)
				if answer.Code != http.StatusOK {
					times[failedPages] = append(times[failedPages], took)
				}
				mu.Unlock()
				pause.Reset(time.Second)
			}
		})
	}
	all.Wait()
	return times
}

// at returns a percentile of sorted times.
func at(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(len(times)-1, len(times)*percent/100)]
}

func percentiles(times []time.Duration) string {
	slices.Sort(times)
	return "n " + strconv.Itoa(len(times)) + "  p50 " + at(times, 50).String() + "  p95 " + at(times, 95).String() + "  p99 " + at(times, 99).String()
}

func reportTimes(b *testing.B, name string, times []time.Duration) {
	b.Helper()
	b.Logf("%-12s %s", name, percentiles(times))
	for _, p := range []int{50, 95, 99} {
		b.ReportMetric(float64(at(times, p))/1e6, name+"-p"+strconv.Itoa(p)+"-ms")
	}
}

// copiedLedger returns a copy of a ledger with its indexes, for a writer.
func copiedLedger(b *testing.B, from string) string {
	b.Helper()
	to := filepath.Join(b.TempDir(), "ledger")
	require.NoError(b, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	}))
	return to
}
