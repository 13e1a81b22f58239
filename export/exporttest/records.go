package exporttest

import (
	"encoding/binary"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// start is when the records of the suite begin.
var start = time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)

var shop = resource.NewSchemaless(
	attribute.String("service.name", "shop"),
	attribute.String("service.version", "1.2.0"),
)

// usual returns the nth of a sequence of records such as a request leaves, which
// ascend by ID and time. Each call makes a new one.
func usual(n int) *record.Record {
	at := start.Add(time.Duration(n) * time.Millisecond)
	return &record.Record{
		Event: audit.Event{
			ID:        id(at, n),
			Time:      at,
			Action:    "article.update",
			Operation: audit.OperationUpdate,
			Actor:     audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt", Roles: []string{"editor"}},
			Target:    audit.Target{Type: "article", ID: "1001", Name: "Hello"},
			Outcome:   audit.OutcomeSuccess,
			Reason:    "editorial approval",
			Changes:   []audit.Change{{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")}},
			Tenant:    "acme",
			Metadata: []attribute.KeyValue{
				attribute.String("client.address", "10.0.0.1"),
				attribute.Int("sequence", n),
			},
		},
		ObservedTime: at.Add(time.Microsecond),
		Tracker:      record.Instrumentation{Name: "example.com/shop/articles", Version: "1.2.0"},
		Resource:     shop,
		TraceID:      [16]byte{0x4b, 0xf9, 15: 0x36},
		SpanID:       [8]byte{0x00, 0xf0, 7: 0xb7},
		Channel:      "api",
	}
}

// usuals returns size records of the sequence.
func usuals(first, size int) []*record.Record {
	records := make([]*record.Record, size)
	for i := range records {
		records[i] = usual(first + i)
	}
	return records
}

// id returns a UUID of version 7 for the time, always the same for n.
func id(at time.Time, n int) audit.ID {
	var id audit.ID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|7<<12)
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(uint32(n)))
	return id
}
