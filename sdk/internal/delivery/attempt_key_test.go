package delivery

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// decodedRole does what attemptRole does by decoding the record.
func decodedRole(entry []byte) (key [16]byte, role ledger.PairRole) {
	var r record.Record
	switch err := r.UnmarshalJSON(entry); {
	case err != nil || r.Attempt.IsZero():
		return key, ledger.PairNone
	case r.BeginsAttempt():
		return r.Attempt, ledger.PairOpen
	}
	return r.Attempt, ledger.PairClose
}

// TestAttemptRole compares attemptRole, which reads two members, with decoding the record.
// The texts of the records look like JSON.
func TestAttemptRole(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	id := audit.NewID()
	pieces := []string{`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `"attempt":"`, `"id":"`, id.String(), `",`, "é", "\n", "attempt", "id", "x"}
	text := func() (s string) {
		for range r.IntN(8) {
			s += pieces[r.IntN(len(pieces))]
		}
		return s
	}
	seen := map[ledger.PairRole]int{}
	for range 20_000 {
		record := record.Record{Event: audit.Event{
			ID: audit.NewID(), Time: time.Unix(1, 0), Action: "a.b", Reason: text(), Tenant: text(),
			Actor:   audit.Actor{Type: audit.ActorUser, ID: text(), Name: text(), Roles: []string{text(), text()}},
			Target:  audit.Target{Type: "t", ID: text(), Name: text()},
			Changes: []audit.Change{{Field: text(), New: attribute.StringValue(text())}},
		}, Channel: text(), Tracker: record.Instrumentation{Name: text()}}
		if r.IntN(2) == 0 {
			record.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: text()}
			record.Bulk = audit.Bulk{Selector: "s" + text(), Sample: []string{text()}}
		}
		if r.IntN(2) == 0 {
			record.Metadata = []attribute.KeyValue{
				attribute.String("attempt", id.String()), attribute.String("id", id.String()),
				attribute.Map("m", attribute.String("attempt", id.String()), attribute.String("id", text())),
			}
		}
		switch r.IntN(3) {
		case 0:
			record.Attempt = record.ID
		case 1:
			record.Attempt = id
		}
		entry, err := record.AppendJSON(nil)
		require.NoError(t, err)
		wantKey, want := decodedRole(entry)
		key, role := attemptRole(entry)
		require.Equal(t, want, role, "%s", entry)
		require.Equal(t, wantKey, key)
		seen[role]++
	}
	require.Len(t, seen, 3)
}

func TestAttemptRoleOfMalformedEntry(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		``, `"`, `{`, `{"`, `{"attempt`, `{"attempt"`, `{"attempt":`, `{"attempt":"`, `{"attempt":"x","id":"x"}`,
		`}}}"attempt":"`, `{"action":"a","actor":{"id":"\`, `not JSON`, `{"attempt":1,"id":2}`,
	} {
		_, role := attemptRole([]byte(entry))
		require.Equal(t, ledger.PairNone, role, entry)
	}
}

func BenchmarkAttemptRole(b *testing.B) {
	record := record.Record{Event: audit.Event{
		ID: audit.NewID(), Time: time.Unix(1, 0), Action: "article.update", Reason: "editorial approval", Actor: audit.User("42"),
		Target: audit.Target{Type: "article", ID: "1001"}, Metadata: []attribute.KeyValue{attribute.String("app.region", "eu-west-1")},
	}}
	for name, attempt := range map[string]audit.ID{"attempt": record.ID, "other": {}} {
		b.Run(name, func(b *testing.B) {
			record.Attempt = attempt
			entry, err := record.AppendJSON(nil)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				attemptRole(entry)
			}
		})
	}
}
