package bench

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// recordsVersion changes with the generated records and their indexes, so that no older cache is
// used.
const recordsVersion = 4

// recordCount returns how many records the benchmarks of searches use: AUDIT_BENCH_RECORDS, or
// 200,000.
func recordCount(b *testing.B) int {
	b.Helper()
	text := os.Getenv("AUDIT_BENCH_RECORDS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return n
}

// generator makes records as a web shop would leave them: their times ascend with some seconds of
// disorder, some actors and actions are much more frequent than others, and each target has a few
// records. Records with the same number are the same.
type generator struct {
	rng      *rand.Rand
	at       time.Time
	resource *resource.Resource
	step     time.Duration
}

// The first record's time, and the time that all records span.
var (
	generatedSince = time.Date(2026, 8, 24, 0, 0, 0, 0, time.UTC)
	generatedSpan  = 90 * 24 * time.Hour
)

func newGenerator(n int) *generator {
	return &generator{
		rng: rand.New(rand.NewPCG(17, uint64(n))), at: generatedSince, step: generatedSpan / time.Duration(n),
		resource: resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.version", "1.42.0"),
			attribute.String("deployment.environment.name", "production")),
	}
}

// few returns a number below n, of which small ones are frequent.
func (g *generator) few(n int) int {
	f := g.rng.Float64()
	return int(f * f * f * float64(n))
}

// uuid returns a version 7 UUID at the time.
func (g *generator) uuid(at time.Time) (id audit.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|0x7000|g.rng.Uint64()&0xfff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|g.rng.Uint64()>>2)
	return id
}

func (g *generator) next(n, of int) *record.Record {
	g.at = g.at.Add(g.step)
	at := g.at.Add(time.Duration(g.rng.Int64N(int64(3 * time.Second))))
	kinds := []string{"article", "order", "invoice", "customer", "payout"}
	verbs := []string{"update", "create", "publish", "delete", "approve"}
	kind, verb := kinds[g.few(len(kinds))], g.few(len(verbs))
	r := &record.Record{
		Event: audit.Event{
			ID: g.uuid(at), Time: at, Action: kind + "." + verbs[verb],
			Operation: []audit.Operation{audit.OperationUpdate, audit.OperationCreate, audit.OperationUpdate, audit.OperationDelete, audit.OperationUpdate}[verb],
			Actor: audit.Actor{
				Type: audit.ActorUser, ID: "user-" + strconv.Itoa(g.few(max(of/40, 10))), Name: "Ada Lovelace", AuthMethod: "oauth2",
				SessionID: hex.EncodeToString(binary.BigEndian.AppendUint64(nil, g.rng.Uint64N(uint64(of/20+1))*0x9e3779b97f4a7c15)), Roles: []string{"editor", "support"},
			},
			Target:  audit.Target{Type: kind, ID: strconv.Itoa(100_000 + g.rng.IntN(max(of/5, 1))), Name: "Spring collection"},
			Outcome: []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied}[g.few(3)],
			Tenant:  "tenant-" + strconv.Itoa(g.few(40)),
			Metadata: []attribute.KeyValue{
				attribute.String("client.address", fmt.Sprintf("203.0.%d.%d", g.few(20), g.rng.IntN(250))),
				attribute.String("http.request.method", []string{"PATCH", "POST", "PUT", "DELETE"}[g.few(4)]),
				attribute.Int("http.response.status_code", []int{200, 201, 403, 500}[g.few(4)]),
				attribute.String("http.route", "/api/v1/"+kind+"s/:id"),
			},
		},
		ObservedTime: at, Tracker: record.Instrumentation{Name: "example.com/shop/articles", Version: "1.2.0"}, Resource: g.resource,
		Channel: []string{"api", "admin", "job"}[g.few(3)],
	}
	if verb != 1 {
		r.Changes = []audit.Change{
			{Field: "title", Old: attribute.StringValue("Draft " + strconv.Itoa(n)), New: attribute.StringValue("Final " + strconv.Itoa(n))},
			{Field: "price", Old: attribute.IntValue(g.rng.IntN(10_000)), New: attribute.IntValue(g.rng.IntN(10_000))},
		}
	}
	binary.BigEndian.PutUint64(r.TraceID[:], g.rng.Uint64())
	binary.BigEndian.PutUint64(r.TraceID[8:], g.rng.Uint64()|1)
	binary.BigEndian.PutUint64(r.SpanID[:], g.rng.Uint64()|1)
	return r
}

// waitForIndexes returns when all segments but the last one have an index, and no index was added
// for a while.
func waitForIndexes(b *testing.B, dir string) {
	b.Helper()
	for names := []string(nil); ; time.Sleep(3 * time.Second) {
		segments, err := filepath.Glob(filepath.Join(dir, "*.segment"))
		require.NoError(b, err)
		indexes, err := filepath.Glob(filepath.Join(dir, "*.index*"))
		require.NoError(b, err)
		if len(indexes) >= len(segments)-1 && slices.Equal(indexes, names) {
			return
		}
		names = indexes
	}
}

// generatedLedger returns the directory of a ledger with n records. It is made once and kept in
// the directory of AUDIT_BENCH_DIR, or in that for temporary files.
func generatedLedger(b *testing.B, n int) string {
	b.Helper()
	root := os.Getenv("AUDIT_BENCH_DIR")
	if root == "" {
		root = filepath.Join(os.TempDir(), "opendeed-audit-bench") //nolint:usetesting // it is kept
	}
	dir := filepath.Join(root, fmt.Sprintf("records-%d-%d", recordsVersion, n))
	if exists(dir) {
		return dir
	}
	unfinished := dir + ".new"
	require.NoError(b, os.RemoveAll(unfinished))
	l, err := ledger.Open(unfinished, ledger.WithSyncInterval(time.Second), ledger.WithSidecars(ledgerquery.NewIndexer()),
		ledger.WithErrorHandler(func(err error) { b.Error(err) }))
	require.NoError(b, err)
	g := newGenerator(n)
	for i := 0; i < n; {
		var batch [][]byte
		for size := 1 + g.rng.IntN(31); len(batch) < size && i < n; i++ {
			line, err := g.next(i, n).AppendJSON(nil)
			require.NoError(b, err)
			batch = append(batch, line)
		}
		_, err := l.Append(context.Background(), batch...)
		require.NoError(b, err)
	}
	require.NoError(b, l.Sync())
	waitForIndexes(b, unfinished)
	require.NoError(b, l.Close())
	require.NoError(b, os.Rename(unfinished, dir))
	return dir
}
