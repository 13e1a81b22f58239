package exporttest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"go.opentelemetry.io/otel/attribute"
)

// broken is the behavior of an exporter that violates the contract.
type broken struct {
	behavior
	check string // the check that must fail
	want  string // in its error
}

var errGone = errors.New("sink is gone")

// changing stores each record after change has modified it.
func changing(change func(r *record.Record)) behavior {
	return behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
		for _, r := range records {
			c := r.Clone()
			change(c)
			_ = m.store([]*record.Record{c})
		}
		return nil
	}}
}

// values stores each metadata value as change returns it.
func values(change func(v attribute.Value) attribute.Value) behavior {
	return changing(func(r *record.Record) {
		for i := range r.Metadata {
			r.Metadata[i].Value = change(r.Metadata[i].Value)
		}
	})
}

// brokenExporters violate the contract in one way each.
var brokenExporters = map[string]broken{
	"bad name": {
		behavior{name: func(*memory) string { return "My Sink" }},
		"name", `the name "My Sink" does not match`,
	},
	"changing name": {
		behavior{name: func(m *memory) string { return "sink-" + strings.Repeat("i", len(m.read())) }},
		"name", `the name changed from "sink-" to "sink-i"`,
	},
	"always fails": {
		behavior{export: func(*memory, context.Context, []*record.Record) error { return errGone }},
		"name", "Export of 1 records: sink is gone",
	},
	"reverses batches": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			records = slices.Clone(records)
			slices.Reverse(records)
			return m.store(records)
		}},
		"order", "not in order",
	},
	"loses the last of a batch": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			return m.store(records[:min(len(records), sdk.DefaultBatchSize-1)])
		}},
		"order", "after a batch of 512: the sink has 531 records, want 532",
	},
	"is one batch late": {
		behavior{
			export: func(m *memory, _ context.Context, records []*record.Record) error {
				defer func() { m.delayed = records }()
				return m.store(m.delayed)
			},
			shutdown: func(m *memory, _ context.Context) error { return m.store(m.delayed) },
		},
		"order", "after a batch of 1: the sink has 0 records, want 1",
	},
	"rejects empty batches": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			if len(records) == 0 {
				return errors.New("nothing to insert")
			}
			return m.store(records)
		}},
		"empty batch", "Export of 0 records: nothing to insert",
	},
	"stores a record for an empty batch": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			if len(records) == 0 {
				return m.store(typicals(0, 1))
			}
			return m.store(records)
		}},
		"empty batch", "the sink has 2 records, want 0",
	},
	"has a message limit": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			size := 0
			for _, r := range records {
				size += len(r.Reason)
			}
			if size > 4<<20 {
				return errors.New("message larger than max")
			}
			return m.store(records)
		}},
		"large batch", "message larger than max",
	},
	"rejects odd values": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			err := &export.PartialError{Rejected: map[int]error{}}
			for i, r := range records {
				if strings.HasPrefix(r.Action, "odd.") {
					err.Rejected[i] = export.Permanent(errors.New("unknown kind of value"))
				}
			}
			if len(err.Rejected) > 0 {
				return err
			}
			return m.store(records)
		}},
		"odd values", "unknown kind of value",
	},
	"rejects an unknown index": {
		behavior{export: func(_ *memory, _ context.Context, records []*record.Record) error {
			return &export.PartialError{Rejected: map[int]error{len(records): errGone}}
		}},
		"odd values", "rejects index",
	},
	"loses nanoseconds": {
		changing(func(r *record.Record) { r.Time = r.Time.Truncate(time.Millisecond) }),
		"order", "time: want 2026-11-23 07:26:02.123456789 +0000 UTC, got 2026-11-23 07:26:02.123 +0000 UTC",
	},
	"stores integers as floats": {
		values(func(v attribute.Value) attribute.Value {
			if v.Type() == attribute.INT64 {
				return attribute.Int64Value(int64(float64(v.AsInt64())))
			}
			return v
		}),
		"odd values", `odd.value.integer: metadata.value.04: want INT64 "9007199254740993", got INT64 "9007199254740992"`,
	},
	"stores whole floats as integers": {
		values(func(v attribute.Value) attribute.Value {
			if f := v.AsFloat64(); v.Type() == attribute.FLOAT64 && f == math.Trunc(f) && f < 1<<53 && f >= 0 {
				return attribute.Int64Value(int64(f))
			}
			return v
		}),
		"odd values", `odd.value.float: metadata.value.00: want FLOAT64 "0", got INT64 "0"`,
	},
	"loses the sign of zero": {
		values(func(v attribute.Value) attribute.Value {
			if v.Type() == attribute.FLOAT64 && v.AsFloat64() == 0 {
				return attribute.Float64Value(0)
			}
			return v
		}),
		"odd values", `want FLOAT64 "-0", got FLOAT64 "0"`,
	},
	"loses NaN": {
		values(func(v attribute.Value) attribute.Value {
			if v.Type() == attribute.FLOAT64 && math.IsNaN(v.AsFloat64()) {
				return attribute.Value{}
			}
			return v
		}),
		"odd values", `want FLOAT64 "NaN", got EMPTY ""`,
	},
	"stores mixed lists as typed lists": {
		values(func(v attribute.Value) attribute.Value {
			if v.Type() == attribute.SLICE && len(v.AsSlice()) == 1 && v.AsSlice()[0].Type() == attribute.STRING {
				return attribute.StringSliceValue([]string{v.AsSlice()[0].AsString()})
			}
			return v
		}),
		"odd values", `want SLICE "[\"a\"]", got STRINGSLICE "[\"a\"]"`,
	},
	"truncates text": {
		changing(func(r *record.Record) { r.Reason = r.Reason[:min(len(r.Reason), 32766)] }),
		"odd values", "odd.long_text: reason: want ",
	},
	"loses a field": {
		changing(func(r *record.Record) { r.Overridden = nil }),
		"odd values", "odd.overridden: overridden: want ",
	},
	"stores records twice": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			return errors.Join(m.store(records), m.store(records))
		}},
		"odd values", "records, want",
	},
	"changes IDs": {
		changing(func(r *record.Record) { r.ID[15] ^= 0x80 }),
		"odd values", "which was never exported",
	},
	"ignores its context": {
		behavior{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if ctx.Err() != nil {
				time.Sleep(time.Hour)
			}
			return m.store(records)
		}},
		"ended context", "canceled before: Export did not return within 30s",
	},
	"returns a permanent error if the context has ended": {
		behavior{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if err := ctx.Err(); err != nil {
				return export.Permanent(err)
			}
			return m.store(records)
		}},
		"ended context", "must not be a permanent error",
	},
	"stores the place in the record": {
		behavior{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			records = slices.Clone(records)
			for i, r := range records {
				if place, ok := export.PlaceOf(ctx, r); ok {
					records[i] = r.Clone()
					records[i].Reason = place.Log
				}
			}
			return m.store(records)
		}},
		"places", "record 2 of the sink (article.update): reason: want",
	},
	"stays broken after an ended context": {
		behavior{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if ctx.Err() != nil || m.name != nil {
				m.name = func(*memory) string { return "broken" }
				return errGone
			}
			return m.store(records)
		}},
		"ended context", "retry: Export of 20 records: sink is gone",
	},
	"drops records if the context has ended": {
		behavior{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if ctx.Err() == nil {
				return m.store(records)
			}
			return nil
		}},
		"ended context", "article.update: the sink lacks record",
	},
	"rejects duplicates": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			for _, r := range records {
				if slices.ContainsFunc(m.read(), func(stored *record.Record) bool { return stored.ID == r.ID }) {
					return errors.New("duplicate key")
				}
			}
			return m.store(records)
		}},
		"repeated export", "Export of 2 records: duplicate key",
	},
	"rejects duplicates with another observed time": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			for _, r := range records {
				for _, stored := range m.read() {
					if stored.ID == r.ID && Equal(stored, r) != nil {
						return errors.New("duplicate key")
					}
				}
			}
			return m.store(records)
		}},
		"repeated export", "with a later observed time: Export of 1 records: duplicate key",
	},
	"loses duplicates": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			m.mu.Lock()
			m.records = slices.DeleteFunc(m.records, func(stored *record.Record) bool { return stored.ID == records[len(records)-1].ID })
			m.mu.Unlock()
			return m.store(records[:max(1, len(records)-1)])
		}},
		"repeated export", "the sink lacks record",
	},
	"retains records": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.records = append(m.records, records...)
			return nil
		}},
		"shared records", "after the records were overwritten: ",
	},
	"modifies records": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			err := m.store(records)
			for _, r := range records {
				if len(r.Metadata) > 0 {
					r.Metadata[0].Key = "_id"
				}
			}
			return err
		}},
		"shared records", "Export changed the record odd.overridden: metadata: want",
	},
	"modifies the slice": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			defer clear(records)
			return m.store(records)
		}},
		"shared records", "Export changed the slice",
	},
	"writes past the slice": {
		behavior{export: func(m *memory, _ context.Context, records []*record.Record) error {
			_ = append(records, nil)
			return m.store(records)
		}},
		"shared records", "Export changed the slice",
	},
	"fails to shut down": {
		behavior{shutdown: func(*memory, context.Context) error { return errGone }},
		"shutdown", "unused exporter: Shutdown: sink is gone",
	},
	"stores a record in Shutdown": {
		behavior{shutdown: func(m *memory, _ context.Context) error { return m.store(typicals(0, 1)) }},
		"shutdown", "the sink has 1 records, want 0",
	},
	"loses records in Shutdown": {
		behavior{shutdown: func(m *memory, _ context.Context) error {
			m.records = nil
			return nil
		}},
		"shutdown", "after Shutdown: the sink has 0 records, want 20",
	},
	"loses records in Shutdown with an ended context": {
		behavior{shutdown: func(m *memory, ctx context.Context) error {
			if ctx.Err() != nil {
				m.records = nil
			}
			return ctx.Err()
		}},
		"shutdown", "after Shutdown with an ended context: the sink has 0 records, want 20",
	},
	"hangs in Shutdown with an ended context": {
		behavior{shutdown: func(_ *memory, ctx context.Context) error {
			if ctx.Err() != nil {
				time.Sleep(time.Hour)
			}
			return nil
		}},
		"shutdown", "with an ended context: Shutdown did not return within 30s",
	},
}
