// Package exporttest is the conformance suite for implementations of export.Exporter.
//
//	func TestConformance(t *testing.T) {
//		var sink *bytes.Buffer
//		exporttest.Run(t,
//			func(t *testing.T) export.Exporter {
//				sink = new(bytes.Buffer)
//				return newExporter(t, sink)
//			},
//			func(t *testing.T) []*record.Record { return parse(t, sink) },
//		)
//	}
//
// Run it with the race detector, which finds more violations of the contract.
//
// [OddRecords] and [Equal] are also useful in tests of other code that stores records or
// converts them to another format and back.
package exporttest
