package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// BenchmarkExtract compares taking the terms from JSON with decoding it. An operation is one
// record.
func BenchmarkExtract(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	data, i := make([][]byte, 256), 0
	for i := range data {
		data[i] = usualRecord(rng, i)
	}
	b.Run("impl=extract", func(b *testing.B) {
		x := newExtractor(NewHasher([16]byte{1}), true)
		x.begin(new(signature))
		b.SetBytes(int64(len(data[0])))
		for b.Loop() {
			if i++; !x.extract(data[i%len(data)], false) {
				b.Fatal("it is not extracted")
			}
		}
	})
	b.Run("impl=decode", func(b *testing.B) {
		b.SetBytes(int64(len(data[0])))
		for b.Loop() {
			var r record.Record
			if err := r.UnmarshalJSON(data[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// usualRecord returns the canonical JSON of a record of a web service.
func usualRecord(rng *rand.Rand, n int) []byte {
	few := func(n int) int { f := rng.Float64(); return int(f * f * f * float64(n)) }
	at := epoch.Add(time.Duration(n) * 7 * time.Second).Format("2006-01-02T15:04:05.000000000Z")
	kind := []string{"article", "order", "invoice"}[few(3)]
	return fmt.Appendf(nil, `{"action":"%s.update","actor":{"auth_method":"oauth2","id":"user-%d","name":"Ada Lovelace","roles":["editor","support"],`+
		`"session_id":"%016x","type":"user"},"changes":[{"field":"title","new":"Final %d","old":"Draft %d"},{"field":"price","new":%d,"old":%d}],`+
		`"channel":"api","id":"0199c1f2-0000-7000-8%03x-%012x","kind":"intent","metadata":{"client.address":"203.0.%d.%d","http.request.method":"PATCH",`+
		`"http.response.status_code":200,"http.route":"/api/v1/%ss/:id"},"observed_time":"%s","operation":"update","outcome":"success",`+
		`"resource":{"deployment.environment.name":"production","service.name":"shop","service.version":"1.42.0"},"span_id":"%016x",`+
		`"target":{"id":"%d","name":"Spring collection","type":"%s"},"tenant":"tenant-%d","time":"%s","trace_id":"%016x%016x",`+
		`"tracker":{"name":"example.com/shop/articles","version":"1.2.0"}}`,
		kind, few(25_000), rng.Uint64N(50_000)*0x9e3779b97f4a7c15, n, n, rng.IntN(10_000), rng.IntN(10_000), rng.IntN(4096), rng.Uint64N(1<<48),
		few(20), rng.IntN(250), kind, at, rng.Uint64()|1, 100_000+rng.IntN(200_000), kind, few(40), at, rng.Uint64(), rng.Uint64()|1)
}

// BenchmarkBuild makes the index of a segment, in pieces that are merged, as it grows. An operation
// is 30,000 records.
func BenchmarkBuild(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n, piece = 30_000, 6_000
	dir := filepath.Join(b.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSyncInterval(time.Hour))
	require.NoError(b, err)
	for i := 0; i < n; {
		var batch [][]byte
		for size := 1 + rng.IntN(31); len(batch) < size && i < n; i++ {
			batch = append(batch, usualRecord(rng, i))
		}
		_, err := l.Append(b.Context(), batch...)
		require.NoError(b, err)
	}
	require.NoError(b, l.Close())
	r, err := ledger.OpenReader(dir)
	require.NoError(b, err)
	defer func() { require.NoError(b, r.Close()) }()
	segments, _, err := r.Segments()
	require.NoError(b, err)
	seg := segments[0]
	size := 0
	for b.Loop() {
		recent := NewRecent(seg.Ledger)
		var inputs []Input
		add := func(part *Builder) {
			image := part.Image(seg.Ledger, seg.Number, 0)
			data := bytes.NewReader(image)
			f, err := Open(data, seg.Ledger, seg.Number, nil)
			require.NoError(b, err)
			inputs = append(inputs, Input{f, data})
		}
		part := NewBuilder(seg.Ledger, seg.First, recent, true)
		for f, err := range r.Frames(b.Context(), 1, n) {
			require.NoError(b, err)
			if part.Len() >= piece {
				add(part)
				part = NewBuilder(seg.Ledger, part.Next(), recent, true)
			}
			part.AddFrame(f)
		}
		add(part)
		image, err := Merge(inputs, 1)
		require.NoError(b, err)
		size = len(image)
	}
	b.ReportMetric(float64(size)/n, "index-B/record")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
}
