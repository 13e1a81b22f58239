// Package auditrepo records the calls of an application's stores as intents, with exact
// diffs: wrap a type that has Get, Create, Update and Delete, or some of them, and use
// the wrapper in its place.
//
//	articles, err := auditrepo.New(tracker, auditrepo.Config[Article, string]{
//		TargetType: "article",
//		ID:         func(a Article) string { return a.ID },
//	})
//	if err != nil {
//		return err
//	}
//	store := articles.Store(db)
//	...
//	err = store.Update(auditrepo.ContextWithReason(ctx, "fixed a typo"), article)
//
// Each call is recorded as one intent. It has the actor of the context, the operation,
// an action such as article.update, the target, an outcome that the error determines,
// and after a success the changes that [audit.Diff] finds in the tagged fields.
//
// # Roles
//
// A decorator has the methods of one role of the store. [Auditor.Store] covers the usual
// four methods where Create and Update return only an error; [Auditor.ValueStore] covers
// those that also return the value. Assemble a smaller store from single roles:
//
//	type Journal struct {
//		auditrepo.Getter[Entry, int64]
//		auditrepo.Creator[Entry]
//	}
//	journal := Journal{db, entries.Creator(db)}
//
// The compiler rejects a role that the store does not have. For a method that fits no
// role (an id parameter beside the value, a returned id, any other action), write a few
// lines with [Auditor.Do]. Don't embed the store itself in a type that decorates it: its
// other methods would be promoted and write without a record.
//
// # Reads
//
// Config.Reads makes a store note who saw what, cheaply:
//
//	articles, err := auditrepo.New(tracker, auditrepo.Config[Article, string]{
//		TargetType: "article",
//		ID:         func(a Article) string { return a.ID },
//		Reads:      &auditrepo.Reads{},
//	})
//	...
//	article, err := articles.Store(db).Get(ctx, id)
//	...
//	results, err := articles.List(ctx, func(ctx context.Context) ([]Article, error) {
//		return db.Search(ctx, words)
//	})
//
// When the scope ends, such as that of a request, it tracks one signal article.read with all
// that Get, List, Seq and Returned noted in it: the article or, of several, their number and
// their IDs, up to 1,000. Denied and failed reads are signals of their own. An intent that
// reads the same targets covers them. A read never fails because of its record.
//
// In a service that reads a lot, Reads.OneIn records the reads of some requests only, and each
// such record says of how many. Reads that must not happen unrecorded are intents: see
// Config.RecordReads.
//
// # The value before
//
// Update and Delete first read the value with Get, using the same context and therefore
// the same transaction, if any. They copy it at once, so the changes are right even if
// the store returns the same object again and changes it in place. A concurrent write
// between Get and the write goes unnoticed; a store that returns what it replaced
// ([UpdateReturner], [DeleteReturner]) avoids that.
//
// If Get fails, the write is attempted anyway. Its record has [semconv.RepositoryBeforeUnknownKey] and no
// old values.
//
// # The value after
//
// The value after a write is the one that the store returned. A Creator or an Updater
// returns none: its changes are those that were asked for, and the record has the mark
// "requested" on them, because a store may write less than it is given. Config.ReadAfter
// reads the value again instead.
//
// A store that did nothing, such as an insertion that ignores conflicts, says so with
// [SetUnchanged].
//
// # Failures
//
// A write that failed is recorded without changes. Its outcome is failure, or denied if
// Config.Denied reports true, and its metadata has the type of the error under
// [semconv.ErrorTypeKey], never its text. Panics and runtime.Goexit are recorded as failures and
// continue. Canceling the caller's context does not cancel the record.
//
// Without an actor the call could not be recorded, so the store is not called. If the
// store was called and its record failed, the caller gets a [TrackError], which reports
// whether the call succeeded and can track the event again.
//
// # Scopes and signals
//
// A successful write covers the signals that the data layer raises for the same target
// and operation. Signals wait for it in the open scope of the context, or in a scope
// that the call opens for itself.
//
// Give work that outlives its scope, such as a goroutine started by a request, a scope
// of its own with [audit.Detach]. Otherwise the outer scope may end between the signal
// and the event.
//
// # Transactions
//
// A write in a transaction takes effect only at the commit. Run the transaction as a unit of
// work, such as with package sqlunit, and decorate the store that uses it: each write is held,
// and recorded as the transaction ends. To record several writes as one event, put one Do around
// the transaction, and use an undecorated store inside.
package auditrepo
