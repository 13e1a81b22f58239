// Package query defines how stored records are found: a [Filter], and the [Reader]
// that every store implements.
//
//	reader, err := ledgerquery.NewReader("audit-ledger") // or mongodb.NewReader(collection)
//	...
//	filter := query.Filter{Targets: []audit.Target{{Type: "invoice", ID: "1001"}}, Limit: 20}
//	for record, err := range reader.Find(ctx, filter) {
//
// Records are ordered by time, newest first unless Filter.Ascending is set; records
// with the same time are ordered by ID. The next page starts after the last record of
// the previous one:
//
//	filter.After = query.CursorOf(record)
//
// [Union] asks several stores as one, [Count] counts records by facets, and [OpenAttempts]
// finds attempts without an end. Package history follows one object through its records.
// docs/query.md has examples.
//
// Package querytest holds the conformance suite for implementations of Reader.
package query
