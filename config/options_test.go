package config

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// Each key that is set yields one option; others yield none.
func TestOptions(t *testing.T) {
	t.Parallel()
	var none *batchModel
	assert.Empty(t, none.options())
	assert.Empty(t, (&ledgerModel{Dir: "d", Index: flagFalse}).options(nil))
	assert.Empty(t, (&validationModel{}).options())
	assert.Empty(t, (&foldingModel{}).options())
	for name, given := range map[string]int{
		"batch size":          len((&exportModel{BatchSize: 1}).options()),
		"interval":            len((&exportModel{Interval: 1}).options()),
		"timeout":             len((&exportModel{Timeout: 1}).options()),
		"backoff":             len((&exportModel{Backoff: 1}).options()),
		"a batch's interval":  len((&batchModel{exportModel: exportModel{Interval: 1}}).options()),
		"queue size":          len((&batchModel{QueueSize: 1}).options()),
		"attempts":            len((&batchModel{MaxAttempts: 1}).options()),
		"sync interval":       len((&ledgerModel{SyncInterval: 1, Index: flagFalse}).options(nil)),
		"max size":            len((&ledgerModel{MaxSize: 1, Index: flagFalse}).options(nil)),
		"segment size":        len((&ledgerModel{SegmentSize: 1, Index: flagFalse}).options(nil)),
		"retention":           len((&ledgerModel{Retention: retentionModel{bounds: &retentionBounds{Age: 1}}, Index: flagFalse}).options(nil)),
		"until exported":      len((&ledgerModel{Retention: retentionModel{word: untilExported}, Index: flagFalse}).options(nil)),
		"salvage":             len((&ledgerModel{Salvage: flagTrue, Index: flagFalse}).options(nil)),
		"lock wait":           len((&ledgerModel{LockWait: 1, Index: flagFalse}).options(nil)),
		"group writable":      len((&ledgerModel{GroupWrite: flagTrue, Index: flagFalse}).options(nil)),
		"scrub rate":          len((&ledgerModel{ScrubRate: 1, Index: flagFalse}).options(nil)),
		"no scrub":            len((&ledgerModel{ScrubRate: scrubOff, Index: flagFalse}).options(nil)),
		"dense frames":        len((&ledgerModel{DenseFrames: flagTrue, Index: flagFalse}).options(nil)),
		"exporter":            len((&ledgerModel{Index: flagFalse}).options([]export.Exporter{nil})),
		"index":               len((&ledgerModel{}).options(nil)),
		"index, explicitly":   len((&ledgerModel{Index: flagTrue}).options(nil)),
		"batch bytes":         len((&ledgerModel{Export: &ledgerExportModel{BatchBytes: 1}}).exportOptions()),
		"folding limit":       len((&foldingModel{Limit: 1}).options()),
		"folding window":      len((&foldingModel{Window: 1}).options()),
		"actions":             len((&validationModel{Actions: []text{"a"}}).options()),
		"required":            len((&validationModel{Required: []requiredModel{{Actions: []text{"a"}}}}).options()),
		"clock skew":          len((&validationModel{MaxClockSkew: 1}).options()),
		"metadata":            len((&validationModel{MaxMetadata: 1}).options()),
		"no salvage, negated": 1 - len((&ledgerModel{Salvage: flagFalse, Index: flagFalse}).options(nil)),
	} {
		assert.Equal(t, 1, given, name)
	}
}

func TestWriteConcern(t *testing.T) {
	t.Parallel()
	on, off := true, false
	assert.Equal(t, &writeconcern.WriteConcern{W: "majority", Journal: &on}, (&writeConcernModel{}).concern())
	assert.Equal(t, &writeconcern.WriteConcern{W: 2, Journal: &off}, (&writeConcernModel{W: "2", Journal: flagFalse}).concern())
	assert.Equal(t, &writeconcern.WriteConcern{W: "tag", Journal: &on}, (&writeConcernModel{W: "tag", Journal: flagTrue}).concern())
}

// Values are decoded into the right fields.
func TestDecode(t *testing.T) {
	t.Parallel()
	s, problem := parseFile("test.yaml", []byte(`
track_timeout: 90s
ledger: {dir: "${A}-x", max_size: 1GiB, retention: {age: 1d}, salvage: true, export: {batch_size: 7, batch_bytes: 2KiB}}
exporters:
  - {type: otlp, headers: {a: "${A}"}, insecure: false, concurrency: 3, batch: {queue_size: 4, interval: 5ms}, filter: {kinds: [signal]}}
`))
	require.Nil(t, problem)
	d := newDecoder(s, lookupOf(testVariables))
	var m model
	d.value(s.root, "", valueOf(&m))
	require.Empty(t, d.problems)
	assert.Equal(t, duration(90*time.Second), m.TrackTimeout)
	assert.Equal(t, &ledgerModel{
		Dir: "alpha-x", MaxSize: 1 << 30, Retention: retentionModel{bounds: &retentionBounds{Age: duration(24 * time.Hour)}}, Salvage: flagTrue,
		Export: &ledgerExportModel{exportModel: exportModel{BatchSize: 7}, BatchBytes: 2048},
	}, m.Ledger)
	o, ok := m.Exporters.list[0].(*otlpModel)
	require.True(t, ok)
	assert.Equal(t, "alpha", o.Headers["a"].reveal())
	o.Headers = nil
	assert.Equal(t, &otlpModel{
		exporterCommon: exporterCommon{
			Type: "otlp", Filter: filterModel{{Kinds: []kindWord{"signal"}}},
			Batch: &batchModel{exportModel: exportModel{Interval: duration(5 * time.Millisecond)}, QueueSize: 4},
		},
		Insecure: flagFalse, Concurrency: 3,
	}, o)
}

func TestOwned(t *testing.T) {
	t.Parallel()
	released := 0
	e := &owned{Exporter: discard{}, release: func(context.Context) error {
		released++
		return io.ErrClosedPipe
	}}
	assert.True(t, e.Direct(), "owned must preserve Direct")
	require.ErrorIs(t, e.Shutdown(t.Context()), io.ErrClosedPipe)
	require.ErrorIs(t, e.Shutdown(t.Context()), io.ErrClosedPipe)
	assert.Equal(t, 1, released)
	assert.False(t, (&owned{Exporter: struct{ export.Exporter }{}}).Direct())
}
