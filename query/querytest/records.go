package querytest

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// epoch is the time of the first record of the suite.
var epoch = time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)

// id returns the n-th ID of the suite.
func id(n int) audit.ID {
	var id audit.ID
	binary.BigEndian.PutUint64(id[:], 0x0199_0000_0000_7000)
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(n))
	return id
}

func newRecord(n int) *record.Record {
	at := epoch.Add(time.Duration(n) * time.Second)
	return &record.Record{
		Event: audit.Event{
			ID: id(n), Time: at, Action: "article.update", Operation: audit.OperationUpdate,
			Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: "1001"}, Outcome: audit.OutcomeSuccess,
		},
		ObservedTime: at.Add(time.Millisecond),
	}
}

// longID returns an ID that is too long for a record. All begin alike.
func longID(n int) string { return strings.Repeat("long", record.MaxNameLength/4) + strconv.Itoa(n) }

// pick returns the value with index n, modulo their number.
func pick[T any](n int, values ...T) T { return values[n%len(values)] }

// fixtureSize is the number of records of fixture. Some stores read them all for each filter.
const fixtureSize = 128

// fixture returns records that differ in every field that a filter can match. Some have
// the same time, and they are not in the order of their times.
func fixture() []*record.Record {
	rng := rand.New(rand.NewPCG(1, 2))
	records := make([]*record.Record, 0, fixtureSize)
	for n := range fixtureSize {
		r := newRecord(n)
		r.Time = epoch.Add(time.Duration(rng.IntN(100)) * time.Second)
		r.Action = pick(rng.IntN(100), "article.update", "article.delete", "invoice.approve", "invoice.line.add", "login")
		r.Operation = pick(rng.IntN(100), audit.OperationUnspecified, audit.OperationCreate, audit.OperationUpdate)
		r.Kind = pick(rng.IntN(100), audit.KindIntent, audit.KindSignal)
		r.Outcome = pick(rng.IntN(100), audit.OutcomeUnknown, audit.OutcomeSuccess, audit.OutcomeDenied)
		r.Actor = pick(rng.IntN(100), audit.User("42"), audit.User("7"), audit.Service("42"), audit.Anonymous())
		r.Target = audit.Target{Type: pick(rng.IntN(100), "article", "invoice"), ID: pick(rng.IntN(100), "1", "2", `odd "id" ü`, `jos\xe9`, `back\slash`)}
		if n := rng.IntN(20); n < 2 {
			r.Target.ID, _ = record.CutName(longID(n))
			r.AddMark(mark.Mark{Path: "target.id", Kind: mark.Cut, Length: int64(len(longID(n))), SHA256: sha256.Sum256([]byte(longID(n)))})
		}
		r.Tenant = pick(rng.IntN(100), "", "acme", "other")
		r.Channel = pick(rng.IntN(100), "", "api", "admin")
		if rng.IntN(2) == 0 {
			r.TraceID[15] = byte(1 + rng.IntN(3))
		}
		addParts(r, rng)
		r.Metadata = []attribute.KeyValue{attribute.Int("batch", rng.IntN(3)), attribute.String("region", pick(rng.IntN(100), "eu", "us"))}
		if rng.IntN(4) == 0 {
			r.Metadata = append(r.Metadata, attribute.String(`reg\x0aion`, `\x00`))
		}
		records = append(records, r)
	}
	return records
}

// addParts adds what few records have: a chain of actors, a session, covered targets,
// changes, the parts of an attempt and of a text, and a resource.
func addParts(r *record.Record, rng *rand.Rand) {
	if rng.IntN(3) == 0 {
		user := audit.User(pick(rng.IntN(100), "7", "8"))
		r.Actor.OnBehalfOf = &user
		if rng.IntN(2) == 0 {
			service := audit.Service("gateway")
			service.OnBehalfOf = &user
			r.Actor.OnBehalfOf = &service
		}
	}
	r.Actor.SessionID = pick(rng.IntN(100), "", query.SessionOf("a"), query.SessionOf("b"))
	for range rng.IntN(3) {
		r.Covers = append(r.Covers, audit.Target{Type: pick(rng.IntN(100), "article", "comment"), ID: pick(rng.IntN(100), "1", "9")})
	}
	for range rng.IntN(3) {
		r.Changes = append(r.Changes, audit.Change{
			Field: pick(rng.IntN(100), "title", "address.city", "address.street", `odd\x0afield`),
			Old:   attribute.StringValue(pick(rng.IntN(100), "Old", "CAF\u00c9", "cafe\u0301s")), New: attribute.Int64Value(int64(rng.IntN(3))),
		})
	}
	switch rng.IntN(3) {
	case 0:
		r.Attempt = r.ID
	case 1:
		r.Attempt = id(rng.IntN(10))
	}
	r.Reason = pick(rng.IntN(100), "", "Customer asked for a refund", "refund,\nas agreed")
	r.Failure = pick(rng.IntN(100), "", "the bank's answer: NO FUNDS")
	if service := pick(rng.IntN(100), "", "shop", "billing"); service != "" {
		r.Resource = resource.NewSchemaless(attribute.String("service.name", service))
	}
}
