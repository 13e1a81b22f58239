package exporttest

import (
	"context"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// Run tests the contract of export.Exporter: the name, the order of records, batches of
// all sizes, records with odd values, ended contexts, records that are exported twice,
// places (export.Place), Shutdown, and that Export does not retain or modify its arguments.
//
// newExporter returns a new exporter with an empty sink. Each subtest calls it at least
// once; subtests run one after the other. read returns the records in the sink of the
// newest exporter, in the order of export. Run calls it between exports, and before and
// after Shutdown. If the sink is not up to date at once, read must wait for it. If the
// sink has no order, read may sort by ID or by Time: both ascend in the order of export,
// except in the subtest with odd values.
//
// Run shuts down each exporter once.
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

// check tests one part of the contract. It returns an error instead of failing a
// testing.T, so that the tests of the suite can see it fail.
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
	{"repeated export", checkRepeatedExport},
	{"places", checkPlaces},
	{"shared records", checkSharedRecords},
	{"shutdown", checkShutdown},
}
