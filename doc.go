// Package audit is the instrumentation API of OpenDeed Audit: it lets a
// service state who did what, when, where and why.
//
// Application code states an [Event] through a [Tracker]; what happens to it
// (validation, redaction, delivery) is decided where the program is set up, by
// the TrackerProvider of package sdk. Libraries need this package only.
//
//	tracker := provider.Tracker("example.com/shop/articles")
//	err := tracker.Track(ctx, audit.Event{
//		Action:  "article.publish",
//		Target:  audit.Target{Type: "article", ID: "1001"},
//		Outcome: audit.OutcomeSuccess,
//		Reason:  "editorial approval",
//	})
//
// A nil error means that the record reached the durability that the provider
// was configured for. There is no silent drop.
//
// # Scopes
//
// A [Scope] is the audit context of one unit of work: a request, a job, a
// command. It supplies the actor, the channel, the tenant and metadata to every
// event tracked under its context, and it holds the signals that a data layer
// raises until it is known whether a stated intent covers them. The middleware
// packages open one for each request; [Run] opens one around a function.
//
// # Intents and signals
//
// An intent ([KindIntent]) is what application code states. A signal
// ([KindSignal]) is what a data layer noticed. An intent covers the signals of
// the same target and operation, whichever came first, so that nothing is
// recorded twice; a signal that no intent covered is recorded when its scope
// ends, so that nothing is missed.
//
// # Actors
//
// An actor is never guessed. An intent takes the event's own actor or the
// nearest one of its context, and fails with [ErrNoActor] where there is none.
//
// # Diffs
//
// [Diff] and the CRUD helpers record field changes of what was opted in by
// struct tag or by [WithFields], and nothing else.
package audit
