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

// broken is an exporter that breaks the contract.
type broken struct {
	behaviour
	check string // which must find it
	says  string // and say this
}

var errGone = errors.New("sink is gone")

// changing is an exporter that stores what change makes of each record.
func changing(change func(r *record.Record)) behaviour {
	return behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
		for _, r := range records {
			c := r.Clone()
			change(c)
			_ = m.take([]*record.Record{c})
		}
		return nil
	}}
}

// values is an exporter that stores what change makes of each metadata value.
func values(change func(v attribute.Value) attribute.Value) behaviour {
	return changing(func(r *record.Record) {
		for i := range r.Metadata {
			r.Metadata[i].Value = change(r.Metadata[i].Value)
		}
	})
}

// brokenExporters break the contract in one way each.
var brokenExporters = map[string]broken{
	"bad name": {
		behaviour{name: func(*memory) string { return "My Sink" }},
		"name", `the name "My Sink" does not match`,
	},
	"changing name": {
		behaviour{name: func(m *memory) string { return "sink-" + strings.Repeat("i", len(m.read())) }},
		"name", `the name was "sink-" and is now "sink-i"`,
	},
	"takes nothing": {
		behaviour{export: func(*memory, context.Context, []*record.Record) error { return errGone }},
		"name", "Export of 1 records: sink is gone",
	},
	"reverses batches": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			records = slices.Clone(records)
			slices.Reverse(records)
			return m.take(records)
		}},
		"order", "not in order",
	},
	"loses the last of a batch": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			return m.take(records[:min(len(records), sdk.DefaultBatchSize-1)])
		}},
		"order", "after a batch of 512: the sink has 531 records, want 532",
	},
	"is one batch behind": {
		behaviour{
			export: func(m *memory, _ context.Context, records []*record.Record) error {
				defer func() { m.held = records }()
				return m.take(m.held)
			},
			shutdown: func(m *memory, _ context.Context) error { return m.take(m.held) },
		},
		"order", "after a batch of 1: the sink has 0 records, want 1",
	},
	"refuses empty batches": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			if len(records) == 0 {
				return errors.New("nothing to insert")
			}
			return m.take(records)
		}},
		"empty batch", "Export of 0 records: nothing to insert",
	},
	"makes something of nothing": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			if len(records) == 0 {
				return m.take(usuals(0, 1))
			}
			return m.take(records)
		}},
		"empty batch", "the sink has 2 records, want 0",
	},
	"has a message limit": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			size := 0
			for _, r := range records {
				size += len(r.Reason)
			}
			if size > 4<<20 {
				return errors.New("message larger than max")
			}
			return m.take(records)
		}},
		"large batch", "message larger than max",
	},
	"rejects what is odd": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			err := &export.PartialError{Rejected: map[int]error{}}
			for i, r := range records {
				if strings.HasPrefix(r.Action, "odd.") {
					err.Rejected[i] = export.Permanent(errors.New("unknown kind of value"))
				}
			}
			if len(err.Rejected) > 0 {
				return err
			}
			return m.take(records)
		}},
		"odd values", "unknown kind of value",
	},
	"rejects what is not there": {
		behaviour{export: func(_ *memory, _ context.Context, records []*record.Record) error {
			return &export.PartialError{Rejected: map[int]error{len(records): errGone}}
		}},
		"odd values", "rejects index",
	},
	"loses nanoseconds": {
		changing(func(r *record.Record) { r.Time = r.Time.Truncate(time.Millisecond) }),
		"order", "time: want 2026-11-23 07:26:02.123456789 +0000 UTC, got 2026-11-23 07:26:02.123 +0000 UTC",
	},
	"has floats only": {
		values(func(v attribute.Value) attribute.Value {
			if v.Type() == attribute.INT64 {
				return attribute.Int64Value(int64(float64(v.AsInt64())))
			}
			return v
		}),
		"odd values", `odd.value.integer: metadata.value.04: want INT64 "9007199254740993", got INT64 "9007199254740992"`,
	},
	"takes whole floats for integers": {
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
	"takes mixed lists for lists": {
		values(func(v attribute.Value) attribute.Value {
			if v.Type() == attribute.SLICE && len(v.AsSlice()) == 1 && v.AsSlice()[0].Type() == attribute.STRING {
				return attribute.StringSliceValue([]string{v.AsSlice()[0].AsString()})
			}
			return v
		}),
		"odd values", `want SLICE "[\"a\"]", got STRINGSLICE "[\"a\"]"`,
	},
	"cuts text": {
		changing(func(r *record.Record) { r.Reason = r.Reason[:min(len(r.Reason), 32766)] }),
		"odd values", "odd.long_text: reason: want ",
	},
	"forgets a field": {
		changing(func(r *record.Record) { r.Overridden = nil }),
		"odd values", "odd.overridden: overridden: want ",
	},
	"doubles what is odd": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			return errors.Join(m.take(records), m.take(records))
		}},
		"odd values", "records, want",
	},
	"mixes records up": {
		changing(func(r *record.Record) { r.ID[15] ^= 0x80 }),
		"odd values", "which was never exported",
	},
	"ignores its context": {
		behaviour{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if ctx.Err() != nil {
				time.Sleep(time.Hour)
			}
			return m.take(records)
		}},
		"ended context", "cancelled before: Export did not return within 30s",
	},
	"gives up for good when in a hurry": {
		behaviour{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if err := ctx.Err(); err != nil {
				return export.Permanent(err)
			}
			return m.take(records)
		}},
		"ended context", "no reason to give a record up for good",
	},
	"does not recover from an ended context": {
		behaviour{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if ctx.Err() != nil || m.name != nil {
				m.name = func(*memory) string { return "broken" }
				return errGone
			}
			return m.take(records)
		}},
		"ended context", "after that: Export of 20 records: sink is gone",
	},
	"drops in silence when in a hurry": {
		behaviour{export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if ctx.Err() == nil {
				return m.take(records)
			}
			return nil
		}},
		"ended context", "article.update: the sink lacks record",
	},
	"refuses what it has": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			for _, r := range records {
				if slices.ContainsFunc(m.read(), func(had *record.Record) bool { return had.ID == r.ID }) {
					return errors.New("duplicate key")
				}
			}
			return m.take(records)
		}},
		"again", "Export of 2 records: duplicate key",
	},
	"refuses what it has when observed later": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			for _, r := range records {
				for _, had := range m.read() {
					if had.ID == r.ID && Equal(had, r) != nil {
						return errors.New("duplicate key")
					}
				}
			}
			return m.take(records)
		}},
		"again", "observed again later: Export of 1 records: duplicate key",
	},
	"loses what comes again": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			m.mu.Lock()
			m.records = slices.DeleteFunc(m.records, func(had *record.Record) bool { return had.ID == records[len(records)-1].ID })
			m.mu.Unlock()
			return m.take(records[:max(1, len(records)-1)])
		}},
		"again", "the sink lacks record",
	},
	"keeps records": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.records = append(m.records, records...)
			return nil
		}},
		"shared records", "after the records were changed: ",
	},
	"changes records": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			err := m.take(records)
			for _, r := range records {
				if len(r.Metadata) > 0 {
					r.Metadata[0].Key = "_id"
				}
			}
			return err
		}},
		"shared records", "Export changed the record odd.overridden: metadata: want",
	},
	"changes the slice": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			defer clear(records)
			return m.take(records)
		}},
		"shared records", "Export changed the slice",
	},
	"writes behind the slice": {
		behaviour{export: func(m *memory, _ context.Context, records []*record.Record) error {
			_ = append(records, nil)
			return m.take(records)
		}},
		"shared records", "Export changed the slice",
	},
	"does not shut down": {
		behaviour{shutdown: func(*memory, context.Context) error { return errGone }},
		"shutdown", "of an exporter that was never used: Shutdown: sink is gone",
	},
	"shuts down with a parting word": {
		behaviour{shutdown: func(m *memory, _ context.Context) error { return m.take(usuals(0, 1)) }},
		"shutdown", "the sink has 1 records, want 0",
	},
	"loses everything when it shuts down": {
		behaviour{shutdown: func(m *memory, _ context.Context) error {
			m.records = nil
			return nil
		}},
		"shutdown", "after Shutdown: the sink has 0 records, want 20",
	},
	"loses everything when it shuts down in a hurry": {
		behaviour{shutdown: func(m *memory, ctx context.Context) error {
			if ctx.Err() != nil {
				m.records = nil
			}
			return ctx.Err()
		}},
		"shutdown", "after Shutdown with an ended context: the sink has 0 records, want 20",
	},
	"waits for ever when it shuts down in a hurry": {
		behaviour{shutdown: func(_ *memory, ctx context.Context) error {
			if ctx.Err() != nil {
				time.Sleep(time.Hour)
			}
			return nil
		}},
		"shutdown", "with an ended context: Shutdown did not return within 30s",
	},
}
