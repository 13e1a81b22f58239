// Package exportertest is the conformance suite that every sdk.Exporter passes.
//
//	func TestConformance(t *testing.T) {
//		var sink *bytes.Buffer
//		exportertest.Run(t,
//			func(t *testing.T) sdk.Exporter {
//				sink = new(bytes.Buffer)
//				return newExporter(t, sink)
//			},
//			func(t *testing.T) []*sdk.Record { return parse(t, sink) },
//		)
//	}
//
// Run it with the race detector, which sees more of what an exporter must not do.
//
// [OddRecords] and [Equal] serve other tests too: of whatever stores records or
// turns them into another form and back.
package exportertest
