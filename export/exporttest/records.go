package exporttest

import (
	"encoding/binary"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// start is the time of the first record of the suite.
var start = time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)

var shop = resource.NewSchemaless(
	attribute.String("service.name", "shop"),
	attribute.String("service.version", "1.2.0"),
)

// typical returns the nth of a sequence of typical records, which ascend by ID and time.
// Each call returns a new one.
func typical(n int) *record.Record {
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
			Failure:   "the index was not updated",
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

// typicals returns size records of the sequence, from the one with index first.
func typicals(first, size int) []*record.Record {
	records := make([]*record.Record, size)
	for i := range records {
		records[i] = typical(first + i)
	}
	return records
}

// id returns a version 7 UUID for the time. It is the same for the same n.
func id(at time.Time, n int) audit.ID {
	var id audit.ID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|7<<12)
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(uint32(n)))
	return id
}
