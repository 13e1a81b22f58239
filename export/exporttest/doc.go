// Package exporttest is the conformance suite that every export.Exporter passes.
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
// Run it with the race detector, which sees more of what an exporter must not do.
//
// [OddRecords] and [Equal] serve other tests too: of whatever stores records or
// turns them into another form and back.
package exporttest
