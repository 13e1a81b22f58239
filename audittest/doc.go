// Package audittest records what a program tracks, so that tests can check it.
//
//	func TestUpdate(t *testing.T) {
//		recorder := audittest.NewRecorder(t)
//		shop := NewShop(recorder.Tracker("example.com/shop"))
//
//		ctx := audit.ContextWithActor(t.Context(), audit.User("alice"))
//		if err := shop.Update(ctx, "1001", "New title"); err != nil {
//			t.Fatal(err)
//		}
//
//		recorder.RequireRecord(t, audittest.Action("article.update"),
//			audittest.Target("article", "1001"), audittest.Changed("title"))
//		recorder.RequireNoRecord(t, audittest.Action("article.delete"))
//	}
//
// A [Recorder] is a provider on the production path: events are resolved, validated,
// redacted and delivered as in production, with the same errors. Only the records end up
// in memory.
//
// [Action], [Target], [ChangedTo] and the other functions that return a [Matcher] can be
// combined freely; [Match] makes one from a function. For anything else, RequireRecord
// returns the record, and [Recorder.Records] all of them.
//
// An attempt has two records: [AttemptBegun] and [AttemptFinished] tell them apart, and
// [AttemptLeftOpen] finds the attempts that were never finished.
//
// If the code under test uses the global provider, pass the recorder to
// audit.SetTrackerProvider. Such tests cannot run in parallel. For tests that are not about
// the trail, [Main] sets a provider once.
//
// To check that every route of a service records an event, see package
// instrumentation/request/requesttest.
package audittest
