package bench

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
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

// question is a search that people ask of a trail.
type question struct {
	name   string
	filter func(sample *record.Record) query.Filter
	// where is the same question for PostgreSQL: what follows WHERE, with its arguments.
	where func(sample *record.Record) (string, []any)
	// pattern is the same question for ripgrep, or nil: a regular expression that the lines of
	// all matches have.
	pattern func(sample *record.Record) string
}

const newestFirst = " ORDER BY time DESC, id DESC"

var questions = []question{
	{
		name:   "newest",
		filter: func(*record.Record) query.Filter { return query.Filter{Limit: 50} },
		where:  func(*record.Record) (string, []any) { return "true" + newestFirst + " LIMIT 50", nil },
	},
	{
		name: "hour",
		filter: func(r *record.Record) query.Filter {
			return query.Filter{Since: r.Time.Truncate(time.Hour), Until: r.Time.Truncate(time.Hour).Add(time.Hour), Limit: 50}
		},
		where: func(r *record.Record) (string, []any) {
			hour := r.Time.Truncate(time.Hour)
			return "time >= $1 AND time < $2" + newestFirst + " LIMIT 50", []any{hour.UnixNano(), hour.Add(time.Hour).UnixNano()}
		},
	},
	{
		name: "target",
		filter: func(r *record.Record) query.Filter {
			return query.Filter{Targets: []audit.Target{r.Target}, Ascending: true}
		},
		where: func(r *record.Record) (string, []any) {
			return "target_type = $1 AND target_id = $2 ORDER BY time, id", []any{r.Target.Type, r.Target.ID}
		},
		pattern: func(r *record.Record) string {
			return `"target":\{"id":"` + r.Target.ID + `","name":"[^"]*","type":"` + r.Target.Type + `"`
		},
	},
	{
		name: "actor",
		filter: func(r *record.Record) query.Filter {
			return query.Filter{Actors: []audit.Actor{{ID: r.Actor.ID}}, Since: r.Time.AddDate(0, 0, -3), Until: r.Time.AddDate(0, 0, 4)}
		},
		where: func(r *record.Record) (string, []any) {
			return "actor_id = $1 AND time >= $2 AND time < $3" + newestFirst,
				[]any{r.Actor.ID, r.Time.AddDate(0, 0, -3).UnixNano(), r.Time.AddDate(0, 0, 4).UnixNano()}
		},
	},
	{
		name:    "action",
		filter:  func(*record.Record) query.Filter { return query.Filter{Actions: []string{"invoice.*"}} },
		where:   func(*record.Record) (string, []any) { return "action LIKE 'invoice.%'" + newestFirst, nil },
		pattern: func(*record.Record) string { return `^\{"action":"invoice\.` },
	},
	{
		name:    "text",
		filter:  func(r *record.Record) query.Filter { return query.Filter{Text: addressOf(r)} },
		pattern: func(r *record.Record) string { return regexp.QuoteMeta(addressOf(r)) },
	},
	{
		name:   "number",
		filter: func(r *record.Record) query.Filter { return query.Filter{Text: r.Target.ID} },
	},
	{
		name:    "word",
		filter:  func(*record.Record) query.Filter { return query.Filter{Text: "alice@example.com"} },
		pattern: func(*record.Record) string { return `alice@example\.com` },
	},
	{
		name:   "nothing",
		filter: func(*record.Record) query.Filter { return query.Filter{Targets: []audit.Target{{ID: "there is none"}}} },
		where:  func(*record.Record) (string, []any) { return "target_id = 'there is none' ORDER BY time, id", nil },
	},
}

// BenchmarkQuery asks the questions of AUDIT_BENCH_RECORDS records: of a ledger, by a Reader that
// has answered before, and by a new one, as in a new process; of PostgreSQL with an index for each
// question; and of ripgrep over their JSON lines. PostgreSQL and ripgrep return text, a Reader
// returns decoded records.
func BenchmarkQuery(b *testing.B) {
	n := recordCount(b)
	dir := generatedLedger(b, n)
	samples := sampleRecords(n)
	warm, err := ledgerquery.NewReader(dir)
	require.NoError(b, err)
	every := func(*question) bool { return true }
	stores := []asker{
		{"ledger", every, func(b *testing.B, q *question, r *record.Record) int { return ask(b, warm, q.filter(r)) }},
		{"ledger-new", every, func(b *testing.B, q *question, r *record.Record) int {
			reader, err := ledgerquery.NewReader(dir)
			require.NoError(b, err)
			return ask(b, reader, q.filter(r))
		}},
		{"postgresql", func(q *question) bool { return q.where != nil }, whenAsked(func() (answer, error) { return newPostgres(b, warm) })},
		{"ripgrep", func(q *question) bool { return q.pattern != nil }, whenAsked(func() (answer, error) { return newRipgrep(b, warm, dir+".jsonl") })},
	}
	for i := range questions {
		q := &questions[i]
		want := ask(b, warm, q.filter(samples[0]))
		for _, s := range stores {
			if !s.can(q) {
				continue
			}
			b.Run("ask="+q.name+"/impl="+s.name, func(b *testing.B) {
				require.Equal(b, want, s.ask(b, q, samples[0])) // also the first time, which reads files
				found, asked, start := 0, 0, processorTime(b)
				for b.Loop() {
					found += s.ask(b, q, samples[asked%len(samples)])
					asked++
				}
				b.ReportMetric(float64(found)/float64(asked), "records/op")
				if s.name == "ledger" || s.name == "ledger-new" {
					b.ReportMetric(float64(processorTime(b)-start)/float64(asked)/1e6, "cpu-ms/op")
				}
			})
		}
	}
}

// BenchmarkQueryCopy finds all records: decoded, and as lines, which exports copy.
func BenchmarkQueryCopy(b *testing.B) {
	n := recordCount(b)
	reader, err := ledgerquery.NewReader(generatedLedger(b, n))
	require.NoError(b, err)
	copied := func(b *testing.B, all func() int) {
		b.Helper()
		start, copies := processorTime(b), 0
		for b.Loop() {
			require.Equal(b, n, all())
			copies++
		}
		b.ReportMetric(float64(processorTime(b)-start)/float64(copies*n)/1e3, "cpu-us/record")
		b.ReportMetric(float64(copies*n)/b.Elapsed().Seconds(), "records/s")
	}
	b.Run("impl=records", func(b *testing.B) {
		copied(b, func() int { return ask(b, reader, query.Filter{Ascending: true}) })
	})
	b.Run("impl=lines", func(b *testing.B) {
		copied(b, func() (found int) {
			for _, err := range query.Lines(b.Context(), reader, query.Filter{Ascending: true}) {
				require.NoError(b, err)
				found++
			}
			return found
		})
	})
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
