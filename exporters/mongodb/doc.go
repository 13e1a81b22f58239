// Package mongodb stores records in a MongoDB collection and finds them there.
//
//	exporter, err := mongodb.New(ctx, client.Database("shop").Collection("audit"))
//	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
//
//	reader := mongodb.NewReader(client.Database("shop").Collection("audit"))
//	for record, err := range reader.Find(ctx, query.Filter{ActorID: "42"}) {
//
// A record is a document that people can query by hand; docs/mongodb.md describes it,
// the indexes, and which of a server's answers are tried again.
//
// # What nil means
//
// Export returns nil when a majority of the replica set has the records in its
// journal. What was stored already counts as stored if it is the same record, so that
// an attempt whose answer was lost may be repeated; another record of the same ID is a
// ConflictError and never replaces the first.
//
// # In the application's transaction
//
// With sdk.WithSyncer, and a mongo.Session in the context of Track, the document joins
// the session's transaction: both commit, or neither does. What must be recorded in
// any case, such as a denied attempt, is tracked with OutsideTransaction. A Track that
// returned audit.ErrMaybeStored may still be using the session; abort the transaction
// then.
package mongodb
