package exporttest

import (
	"context"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// Run tests that an exporter keeps the contract of export.Exporter: its name, order,
// batches of all sizes, records with odd values, ended contexts, records that come
// again, shutdown, and that it neither keeps nor changes what it is given.
//
// newExporter returns a new exporter on an empty sink, one for each subtest and
// sometimes more; they run one after the other. read returns what the sink of the
// newest exporter holds, in the order in which it was exported. It is called between
// exports, before and after Shutdown; where a sink shows what it holds only after a
// while, read waits. But for the subtest of odd values, records ascend by ID and by
// Time in the order of export, so that a sink without an order of its own may be
// read by either.
//
// Run calls Shutdown once for each exporter.
func Run(t *testing.T, newExporter func(t *testing.T) export.Exporter, read func(t *testing.T) []*record.Record) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			f := fixture{
				open: func() export.Exporter { return newExporter(t) },
				read: func() []*record.Record { return read(t) },
			}
			if err := c.run(t.Context(), f); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one promise of the contract. It returns an error and takes no testing.T,
// so that it can be shown to find what it is there for.
type check struct {
	name string
	run  func(ctx context.Context, f fixture) error
}

var checks = []check{
	{"name", checkName},
	{"order", checkOrder},
	{"empty batch", checkEmptyBatch},
	{"large batch", checkLargeBatch},
	{"odd values", checkOddValues},
	{"ended context", checkEndedContext},
	{"again", checkAgain},
	{"shared records", checkSharedRecords},
	{"shutdown", checkShutdown},
}
