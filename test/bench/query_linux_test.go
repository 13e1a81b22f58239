package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// question is a search that people ask of a trail. most limits how many records it may find.
type question struct {
	name   string
	filter func(sample *record.Record) query.Filter
}

var questions = []question{
	{"newest", func(*record.Record) query.Filter { return query.Filter{Limit: 50} }},
	{"hour", func(r *record.Record) query.Filter {
		return query.Filter{Since: r.Time.Truncate(time.Hour), Until: r.Time.Truncate(time.Hour).Add(time.Hour), Limit: 50}
	}},
	{"target", func(r *record.Record) query.Filter {
		return query.Filter{Targets: []audit.Target{r.Target}, Ascending: true}
	}},
	{"actor", func(r *record.Record) query.Filter {
		return query.Filter{Actors: []audit.Actor{{ID: r.Actor.ID}}, Since: r.Time.AddDate(0, 0, -3), Until: r.Time.AddDate(0, 0, 4)}
	}},
	{"action", func(*record.Record) query.Filter { return query.Filter{Actions: []string{"invoice.*"}} }},
	{"nothing", func(*record.Record) query.Filter { return query.Filter{Targets: []audit.Target{{ID: "there is none"}}} }},
}

// BenchmarkQuery asks the questions of a ledger with AUDIT_BENCH_RECORDS records: by a Reader that
// has answered before, and by a new one, as in a new process.
func BenchmarkQuery(b *testing.B) {
	n := recordCount(b)
	dir := generatedLedger(b, n)
	samples := sampleRecords(n)
	warm, err := ledgerquery.NewReader(dir)
	require.NoError(b, err)
	for _, q := range questions {
		b.Run("ask="+q.name+"/reader=warm", func(b *testing.B) {
			ask(b, warm, q.filter(samples[0]))
			found, asked, start := 0, 0, processorTime(b)
			for b.Loop() {
				found += ask(b, warm, q.filter(samples[asked%len(samples)]))
				asked++
			}
			b.ReportMetric(float64(found)/float64(asked), "records/op")
			b.ReportMetric(float64(processorTime(b)-start)/float64(asked)/1e6, "cpu-ms/op")
		})
		b.Run("ask="+q.name+"/reader=new", func(b *testing.B) {
			asked, start := 0, processorTime(b)
			for b.Loop() {
				reader, err := ledgerquery.NewReader(dir)
				require.NoError(b, err)
				ask(b, reader, q.filter(samples[asked%len(samples)]))
				asked++
			}
			b.ReportMetric(float64(processorTime(b)-start)/float64(asked)/1e6, "cpu-ms/op")
		})
	}
}

// processorTime returns how long the process has used processors, which other load on the machine
// changes less than the time that passes.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkQueryIndexing makes the indexes of a ledger that has none.
func BenchmarkQueryIndexing(b *testing.B) {
	n := recordCount(b)
	from := generatedLedger(b, n)
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		require.NoError(b, os.Chmod(dir, 0o700))
		for _, pattern := range []string{"*.segment", "state"} {
			files, err := filepath.Glob(filepath.Join(from, pattern))
			require.NoError(b, err)
			for _, file := range files {
				data, err := os.ReadFile(file)
				require.NoError(b, err)
				require.NoError(b, os.WriteFile(filepath.Join(dir, filepath.Base(file)), data, 0o600))
			}
		}
		start := processorTime(b)
		b.StartTimer()
		l, err := ledger.Open(dir, ledger.WithSidecars(ledgerquery.NewIndexer()))
		require.NoError(b, err)
		waitForIndexes(b, dir)
		require.NoError(b, l.Close())
		b.ReportMetric(float64(processorTime(b)-start)/float64(n)/1e3, "cpu-us/record")
	}
}

// sampleRecords returns some of the generated records.
func sampleRecords(n int) (samples []*record.Record) {
	g := newGenerator(n)
	for i := 0; i < n; {
		for size := 1 + g.rng.IntN(31); size > 0 && i < n; size-- {
			if r := g.next(i, n); i%(n/64+1) == n/128 {
				samples = append(samples, r)
			}
			i++
		}
	}
	return samples
}

// ask returns how many records match.
func ask(b *testing.B, reader query.Reader, f query.Filter) (found int) {
	b.Helper()
	for _, err := range reader.Find(context.Background(), f) {
		require.NoError(b, err)
		found++
	}
	return found
}
