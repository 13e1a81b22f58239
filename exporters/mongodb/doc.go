// Package mongodb stores records in a MongoDB collection and finds them again.
//
//	exporter, err := mongodb.New(ctx, client.Database("shop").Collection("audit"))
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
//
//	reader := mongodb.NewReader(client.Database("shop").Collection("audit"))
//	for record, err := range reader.Find(ctx, query.Filter{Actors: []audit.Actor{audit.User("42")}}) {
//
// A record is one document, which people can query by hand. docs/mongodb.md describes the
// document, the indexes, and which server errors are retried.
//
// # What nil means
//
// Export returns nil when a majority of the replica set has the records in its journal. A
// record that is already stored counts as stored, so that an export whose reply was lost
// can be repeated. A different record with the same ID is a *ConflictError and never
// replaces the stored one.
//
// # In the application's transaction
//
// With sdk.WithSyncer, and a mongo.Session in the context of Track, the document is
// inserted in the session's transaction: both commit, or neither does. Use
// OutsideTransaction to track an event that must be recorded in any case, such as a
// denied attempt. If Track returns audit.ErrMaybeStored, it may still be using the
// session; abort the transaction.
package mongodb
