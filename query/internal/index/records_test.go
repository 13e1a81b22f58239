package index

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var epoch = time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)

// randomRecord returns the canonical JSON of a record with few different values.
func randomRecord(t testing.TB, rng *rand.Rand) []byte {
	t.Helper()
	at := epoch.Add(time.Duration(rng.Int64N(int64(24 * time.Hour))))
	r := &record.Record{
		Event: audit.Event{
			Time: at, Action: fmt.Sprintf("thing%d.update", rng.IntN(5)), Outcome: audit.OutcomeSuccess,
			Actor: audit.User(fmt.Sprint("user ", rng.IntN(10))), Target: audit.Target{Type: "thing", ID: fmt.Sprint(rng.IntN(100))},
			Metadata: []attribute.KeyValue{attribute.Int("n", rng.IntN(3))},
			Changes:  []audit.Change{{Field: "title", Old: attribute.StringValue(`"old"`), New: attribute.MapValue(attribute.String("id", "x"))}},
		},
		ObservedTime: at.Add(time.Second), Channel: "api",
	}
	if rng.IntN(3) == 0 {
		r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "boss", SessionID: "9f86d081884c7d65"}
		r.Tenant = "acme"
	}
	binary.BigEndian.PutUint64(r.ID[:], rng.Uint64())
	binary.BigEndian.PutUint64(r.ID[8:], rng.Uint64())
	data, err := r.AppendJSON(nil)
	require.NoError(t, err)
	return data
}

// randomLedger returns a reader of a ledger with entries in frames of some.
func randomLedger(t testing.TB, rng *rand.Rand, n int) *ledger.Reader {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSyncInterval(time.Hour))
	require.NoError(t, err)
	for n > 0 {
		var batch [][]byte
		for range min(n, 1+rng.IntN(9)) {
			entry := randomRecord(t, rng)
			if rng.IntN(20) == 0 {
				entry = []byte("no record")
			}
			batch = append(batch, entry)
			n--
		}
		_, err := l.Append(t.Context(), batch...)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}
