// Package audittest lets tests see what a program records.
//
// A [Recorder] is a provider on the production path: events are resolved,
// validated, redacted and delivered as they are in production, with the same
// errors, and the records end up in memory.
//
//	func TestPublish(t *testing.T) {
//		recorder := audittest.NewRecorder(t)
//		shop := NewShop(recorder.Tracker("example.com/shop"))
//
//		require.NoError(t, shop.Publish(ctx, "1001"))
//
//		r := recorder.RequireOne(t, "article.publish")
//		assert.Equal(t, "1001", r.Target.ID)
//	}
//
// Where the code under test uses the global provider, hand it the recorder with
// audit.SetTrackerProvider; such tests cannot run in parallel.
package audittest
