// Package auditmongo raises audit signals from what an application writes with the
// MongoDB driver, for the collections that were opted in: a fallback for the places
// that forgot to state their intent.
//
//	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
//		Name:       "articles",
//		TargetType: "article",
//		Fields: map[string]audit.FieldRule{
//			"title":        audit.FieldTracked,
//			"author.email": audit.FieldSensitive, // that it was written, never what
//		},
//	}})
//	if err != nil {
//		return err
//	}
//	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetMonitor(monitor.CommandMonitor()))
//	...
//	err = monitor.Shutdown(ctx) // ahead of the provider's
//
// Where the trail is kept by the same client, the monitor is needed ahead of the
// provider: give it audit.GetTrackerProvider().Tracker(name), which follows the
// provider that is set later.
//
// In an audit scope a signal is held until the scope ends, and is not recorded if an
// intent covers it: one of the same target and operation that did not fail. So state
// the target's ID in intents as signals do: an ObjectID as 24 hexadecimal digits, a
// string as it is, a whole number in decimal digits, a UUID (subtype 4) as its 36
// characters, and all else as MongoDB's canonical extended JSON.
//
// # What raises a signal
//
// A command that the server says has succeeded, and that wrote one document whose _id
// the command or the answer tells:
//
//   - insert of one document,
//   - update, replacement or deletion of one document (UpdateOne, UpdateByID,
//     ReplaceOne, DeleteOne) by a filter that has a value for _id, with or without
//     further conditions; one that inserted the document is a creation,
//   - findAndModify (FindOneAndUpdate, FindOneAndReplace, FindOneAndDelete), also by
//     another filter if the document that is answered has its _id.
//
// A write that matched nothing raises none, and one that was refused raises none. One
// whose write concern failed has the outcome unknown: it was made and may not last.
// One inside of a transaction is raised when the transaction has been committed. Where
// the answer was lost, nobody knows: no signal, and [Stats] counts it.
//
// Changes are the new values of the tracked fields, as far as the command has them:
// of an inserted or replacing document, of $set, $setOnInsert and $unset. Old values
// are not known. The tracked fields that other operators changed, such as $inc, are
// listed in the metadata [ChangedFieldsKey]; of a pipeline nothing is known.
//
// # What does not
//
// Bulk and multi writes, by design: inserts of many documents, UpdateMany,
// DeleteMany, a BulkWrite of several models, writes of one document that do not say
// which, and unacknowledged writes. They are counted by [Stats] and logged once for each
// collection. State an intent for them. What an aggregation writes by $merge or $out,
// what the server does by itself (TTL indexes), and what other programs write is not
// seen at all. Neither is what runs under [audit.SuppressSignals].
//
// # What it costs
//
// The driver calls a monitor while it holds a connection. The monitor therefore only
// reads the command and puts the signal in a queue; a goroutine of its own tracks it,
// so that a trail may be kept in the same database by the same client, with one
// connection. The end of a scope waits for the signals of the scope. An actor function
// of the scope may be called by that goroutine, while the handler still runs.
//
// A full queue is an error that is reported, counted and never waited for. A command
// on a collection that was not opted in costs no allocation.
package auditmongo
