// Package auditmongo raises audit signals for the writes of a MongoDB client: a fallback
// that records a write to selected collections if the application recorded no intent.
//
//	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
//		Name:       "articles",
//		TargetType: "article",
//		Fields: map[string]diff.Rule{
//			"title":        diff.Tracked,
//			"author.email": diff.Sensitive, // recorded as changed, without its value
//		},
//	}})
//	if err != nil {
//		return err
//	}
//	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetMonitor(monitor.CommandMonitor()))
//	...
//	err = monitor.Shutdown(ctx) // before the provider's Shutdown
//
// If the trail is stored with the same client, the monitor must exist before the
// provider. Give it audit.GetTrackerProvider().Tracker(name), which uses the provider
// that is set later.
//
// A signal in an audit scope is held until an intent of the same target and operation
// covers it, or the scope ends. docs/covering.md has the rules.
//
// # Target IDs
//
// For an intent to cover a signal, both must have the same target ID: an ObjectID is
// written as 24 hexadecimal digits, a string as it is, a whole number in decimal, a UUID
// (subtype 4) as its 36 characters, and any other _id as canonical extended JSON.
//
// The number 1001 and the string "1001" are different documents with the same text. Where
// a collection may have both, set Collection.IDs to the usual type: an _id of any other
// type is then written as canonical extended JSON. Without it, both have the target ID
// 1001, and an intent covers signals of one of them, the first: a string that looks like
// an _id of another type has the metadata [semconv.TargetIDTypeKey].
//
// In the same way an intent, which names no database, covers signals of one database. If
// several collections have the same TargetType, it stands for the first of them; signals
// of the others have the metadata [semconv.TargetNamespaceKey], and an intent must name
// the same to cover them:
//
//	audit.Event{
//		Action: "order.update", Operation: audit.OperationUpdate, Target: audit.Target{Type: "order", ID: id},
//		Metadata: []attribute.KeyValue{semconv.TargetNamespaceKey.String("archive.orders")},
//	}
//
// # Commands that raise a signal
//
// A command raises a signal if the server reports success, and the command wrote one
// document whose _id is in the command or in the reply:
//
//   - insert of one document;
//   - update, replacement or deletion of one document (UpdateOne, UpdateByID,
//     ReplaceOne, DeleteOne) with a filter that has a value for _id, and possibly other
//     conditions; an upsert that inserts the document is a creation;
//   - findAndModify (FindOneAndUpdate, FindOneAndReplace, FindOneAndDelete), also with
//     another filter if the returned document has its _id.
//
// A write that failed or matched nothing raises no signal. If the write concern failed,
// the outcome is unknown, because the write may be rolled back. A write in a transaction
// raises its signal after the transaction commits. If the reply was lost, it is unknown
// whether the write happened: it raises no signal, and [Monitor.Stats] counts it.
//
// Changes have the new values of the tracked fields that the command contains: those of
// an inserted or replacing document, and of $set, $setOnInsert and $unset. Old values are
// never known. The metadata [semconv.MongoDBChangedFieldsKey] lists the tracked fields that other
// operators changed, such as $inc. Changes by an aggregation pipeline are unknown.
//
// # Commands that raise none
//
// By design, bulk and multi writes raise no signal: inserts of several documents,
// UpdateMany, DeleteMany, a BulkWrite of several models, writes of one document without
// its _id, and unacknowledged writes. [Monitor.Stats] counts them, and the first one of
// each collection is logged. Record an intent for them.
//
// The monitor does not see what an aggregation writes with $merge or $out, what the
// server does by itself (TTL indexes), or what other programs write. It ignores commands
// under [audit.SuppressSignals].
//
// # Performance
//
// The driver calls a monitor while it holds a connection. The monitor therefore only
// reads the command and queues the signal; goroutines of its own track it, those of one
// scope one after the other. The trail can thus be stored in the same database with the same
// client, even with one connection. The end of a scope waits for the signals of that scope.
// The goroutine may call the actor function of the scope while the handler still runs.
//
// The monitor never waits for a full queue: the signal is lost, counted and reported as
// a [LostError]. A command on any other collection causes no allocation.
package auditmongo
