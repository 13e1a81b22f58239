// Package archive keeps records in compressed files, away from the log that they were
// written to: in a directory, or in any store that implements [Store].
//
// An archive holds a range of a log. It is one object: JSON lines that any zstd tool can
// unpack, and a manifest with their counts, times and hashes. Create writes one, reads it
// back from the store, and verifies it:
//
//	store, err := archive.CreateDir("/backup/audit")
//	...
//	meta := archive.Meta{Log: "shop", Class: "payouts", First: 1, Last: 700}
//	a, err := archive.Create(ctx, store, meta, entries) // nil: it is there, and verified
//
// Archives are asked like any other store of records, without unpacking them:
//
//	reader := archive.NewReader(store)
//	for record, err := range reader.Find(ctx, query.Filter{Since: march, Limit: 20}) {
//
// [Import] exports the records of an archive again, and [ImportLedger] appends them to a
// ledger; both may be repeated. Once a segment of a ledger is archived,
// ledger.Ledger.RemoveBefore can remove it. docs/archive-format.md specifies the files for
// readers in other languages.
package archive
