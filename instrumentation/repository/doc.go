// Package auditrepo records what an application does by the stores that it already
// has: types with Get, Create, Update and Delete, or some of them, or more.
//
//	articles, err := auditrepo.New(tracker, auditrepo.Config[Article, string]{
//		Type: "article",
//		ID:   func(a Article) string { return a.ID },
//	})
//	if err != nil {
//		return err // what is wrong with the configuration, or with the tags of Article
//	}
//	store := articles.Store(db) // takes the place of db
//	...
//	err = store.Update(auditrepo.ContextWithReason(ctx, "a typo"), article)
//
// Every call is one intent: who, by the context; the operation and the action, such as
// article.update; the target; the outcome, by the error; and after a success what
// changed, as [audit.Diff] sees it by the tags of the type.
//
// # Which stores
//
// A store is decorated by the roles that it has. [Auditor.Store] is for the four usual
// ones, where Create and Update return an error only, and [Auditor.ValueStore] for those
// that return the value, too. A smaller store is put together of its roles:
//
//	type Journal struct {
//		auditrepo.Getter[Entry, int64]
//		auditrepo.Creator[Entry]
//	}
//	journal := Journal{db, entries.Creator(db)}
//
// What a store does not have is an error of the compiler. A method that fits no role (an
// id beside the value, an id that is returned, any other action) is written with
// [Auditor.Do], in a few lines. Don't embed the store itself in a type that decorates
// it: its methods would be promoted and write without a record.
//
// # What it was before
//
// Update and Delete first read the value by Get, with the same context, and so in the
// same transaction if there is one. The copy is taken at once: a store that changes
// objects in place, and returns the same ones from Get, has the same changes recorded.
// Nothing is read after the write. What came in between the two from elsewhere is not
// seen; a store that can return what it replaced ([UpdateReturner], [DeleteReturner])
// leaves no between.
//
// Where Get fails, the write goes on as if nobody had asked. Its record then has
// [BeforeUnknownKey], and new values only.
//
// # What failed
//
// A write that failed is recorded as a failed attempt: the outcome is failure, or denied
// where Config.Denied says so, the metadata has the type of the error, and there are no
// changes. The error's text is not recorded. A panic and a Goexit are failures, and go
// on. The caller's cancellation does not reach the record.
//
// Without an actor, nothing could be recorded: the store is then not called. When the
// store was called and the record failed, the caller gets a [TrackError], which says
// whether the write was done, and can record it later.
//
// # Scopes and signals
//
// The event covers what the data layer beneath signals of the same object and operation,
// if the write succeeds. In the open scope of the context signals wait for it; without
// one the call has a scope of its own.
//
// Work that outlives its scope, such as a goroutine that a request leaves behind, should
// have one of its own, by audit.Detach, or the end of the outer scope may come in between
// signal and event. In a transaction the write has happened only when that is committed:
// record it by a Do around all of the transaction, with a store that is not decorated in
// it.
package auditrepo
