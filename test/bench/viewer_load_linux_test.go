package bench

import (
	"math/rand/v2"
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

// people is how many look at the same time.
const people = 50

// seconds returns the duration in an environment variable, or a default.
func seconds(b *testing.B, name string, otherwise time.Duration) time.Duration {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	require.NoError(b, err)
	return time.Duration(n * float64(time.Second))
}

// turns is how often the service writes alone and then beside the viewer, so that other load on the
// machine meets both.
const turns = 4

// BenchmarkViewerLoad measures durable Track of a service that writes 1,000 records a second to a
// ledger with AUDIT_BENCH_RECORDS records, alone and while 50 people click through the same
// ledger, in turns of AUDIT_BENCH_SECONDS, 5 by default. Each person reads a page for
// AUDIT_BENCH_THINK seconds on average, 5 by default, and then opens another one, as often as
// viewed says. The viewer is in the process of the service, and then in one of its own with the
// lowest priority. Run it with -benchtime 1x.
func BenchmarkViewerLoad(b *testing.B) {
	n := recordCount(b)
	from, samples := generatedLedger(b, n), viewedSamples(n)
	b.Run("viewer=same-process", func(b *testing.B) { benchmarkViewerLoad(b, copiedLedger(b, from), samples, newViewer) })
	b.Run("viewer=own-process", func(b *testing.B) { benchmarkViewerLoad(b, copiedLedger(b, from), samples, startViewer) })
}

func benchmarkViewerLoad(b *testing.B, dir string, samples []*record.Record, viewerOf func(b *testing.B, dir string) http.Handler) {
	b.Helper()
	length, think := seconds(b, "AUDIT_BENCH_SECONDS", 5*time.Second), seconds(b, "AUDIT_BENCH_THINK", 5*time.Second)
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, ledger.WithScrub(0), ledger.WithSidecars(ledgerquery.NewIndexer())))
	require.NoError(b, err)
	handler := viewerOf(b, dir)
	for _, p := range viewed { // the indexes are opened, and the files read once
		view(b, handler, 0, p.address(samples[0]))
	}
	tracker := provider.Tracker("bench")
	for b.Loop() {
		var alone, beside []time.Duration
		pages := map[string][]time.Duration{}
		used := time.Duration(0)
		for turn := range turns {
			alone = append(alone, tracked(b, tracker, length, nil)...)
			before := processorTime(b)
			stop := make(chan struct{})
			var clicking sync.WaitGroup
			clicking.Go(func() { click(b, handler, samples, think, uint64(turn), pages, stop) })
			beside = append(beside, tracked(b, tracker, length, func() { close(stop) })...)
			clicking.Wait()
			used += processorTime(b) - before
		}
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
func tracked(b *testing.B, tracker audit.Tracker, length time.Duration, done func()) []time.Duration {
	b.Helper()
	var mu sync.Mutex
	var times []time.Duration
	var callers sync.WaitGroup
	began := time.Now()
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

// click opens pages for 50 people until stop is closed, and adds how long each took to times.
func click(b *testing.B, handler http.Handler, samples []*record.Record, think time.Duration, seed uint64, times map[string][]time.Duration, stop <-chan struct{}) {
	b.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for person := range people {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(person)))
			reading := func() time.Duration { return time.Duration(rng.ExpFloat64() * float64(think)) }
			pause := time.NewTimer(min(reading(), think)) // somebody clicks from the start on
			defer pause.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pause.C:
				}
				page := nextPage(rng)
				address := page.address(samples[rng.IntN(len(samples))])
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
				pause.Reset(reading())
			}
		})
	}
	all.Wait()
}

// nextPage returns the page of the next click.
func nextPage(rng *rand.Rand) *viewedPage {
	all := 0
	for i := range viewed {
		all += viewed[i].clicks
	}
	at := rng.IntN(all)
	for i := range viewed {
		if at -= viewed[i].clicks; at < 0 {
			return &viewed[i]
		}
	}
	return &viewed[0]
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

// copiedLedger returns a copy of a ledger with its indexes, for a writer. Writers never change a
// closed segment or an index, so these are linked; the rest is small.
func copiedLedger(b *testing.B, from string) string {
	b.Helper()
	to := filepath.Join(b.TempDir(), "ledger")
	require.NoError(b, os.Mkdir(to, 0o700))
	entries, err := os.ReadDir(from)
	require.NoError(b, err)
	segments, err := filepath.Glob(filepath.Join(from, "*.segment"))
	require.NoError(b, err)
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		closed := slices.Contains(segments[:len(segments)-1], source) || filepath.Ext(source) == ".index"
		if closed && os.Link(source, target) == nil {
			continue
		}
		content, err := os.ReadFile(source)
		require.NoError(b, err)
		require.NoError(b, os.WriteFile(target, content, 0o600))
	}
	return to
}
