// Package audit is the instrumentation API of OpenDeed Audit: applications and libraries
// use it to record who did what, when, where and why.
//
// An application records an [Event] through a [Tracker]:
//
//	tracker := provider.Tracker("example.com/shop/articles")
//	err := tracker.Track(ctx, audit.Event{
//		Action:  "article.publish",
//		Target:  audit.Target{Type: "article", ID: "1001"},
//		Outcome: audit.OutcomeSuccess,
//		Reason:  "editorial approval",
//	})
//
// A nil error means that the record has reached the durability that the provider was
// configured for. Events are never dropped silently. Validation, redaction and delivery
// are configured where the program starts, with the TrackerProvider of package sdk;
// libraries need this package only.
//
// # Scopes
//
// A [Scope] is the audit context of one unit of work: a request, a job, a command. It
// supplies the actor, channel, tenant and metadata of every event that is tracked under
// its context. Middleware opens a scope for each request; [Run] opens one around a
// function.
//
// # Intents and signals
//
// An intent ([KindIntent]) is an event that application code records explicitly. A signal
// ([KindSignal]) is an event that a data layer noticed, as a fallback. A scope holds
// signals until it ends. An intent covers the signals with its tenant, target and
// operation, whichever came first, so nothing is recorded twice; signals that no intent
// covers are recorded when the scope ends, so nothing is missed. docs/covering.md has the
// rules.
//
// # Actors
//
// An actor is never guessed. An intent has the actor of the event, or the nearest one of
// the context; without either, Track returns [ErrNoActor].
//
// # Diffs
//
// [Diff], [TrackCreate], [TrackUpdate] and [TrackDelete] record changes of the fields that
// are opted in by struct tag or by [diff.WithFields], and of no others. Package [diff]
// has the rules.
package audit
