// Package policy is the language of rules about an audit trail: what events must have,
// how much of them is recorded, who gets them, and which requests must leave one.
//
//	p, err := policy.New(
//		policy.Rule{Name: "payouts", Actions: []string{"payout.*"}, Require: []string{"reason", "metadata.ticket"},
//			RequireActorTypes: []string{"user"}},
//		policy.Rule{Name: "admin", Channels: []string{"admin"}, Require: []string{"reason"}},
//		policy.Rule{Name: "salaries", Targets: []string{"salary"}, Changes: policy.ChangesFields, Exporters: []string{"mongodb"}},
//		policy.Rule{Name: "probes", Routes: []string{"/healthz"}, Exempt: "a probe changes nothing"},
//	)
//	...
//	provider, err := sdk.NewTrackerProvider(sdk.WithPolicy(p), ...)
//
// # Which rule
//
// The first rule that an event meets decides, alone: a payout in the admin channel is
// judged by the first of the rules above, and the second does not add to it. An event
// that meets no rule is recorded as it is, by all exporters. A rule without demands is
// how some events are let off those behind it.
//
// A rule is met where each of its lists matches: Actions, Targets (the target's type),
// ActorTypes (of who acted, not of whom they acted for) and Channels. A list that is not
// given matches everything. In its patterns * stands for any characters.
//
// Rules with Cover or Exempt are about requests. Events pass them over, and requests
// pass over the others: see [Policy.Coverage].
//
// # Which events
//
// Demands (Require, RequireActorTypes, RefuseAnonymous) are made of intents alone: a
// signal says what a data layer noticed, and cannot know why it was done. All else in a
// rule is for both.
//
// An event that begins an attempt (audit.Begin) needs neither outcome nor changes,
// because it has none yet. That which ends it is judged like any other. audit.Attempt
// hands on the reason, the target and the tenant; metadata is to be stated again.
//
// # Before it is in force
//
// [Policy.DryRun] prints which rule each record of a ledger would have met, and what would
// have been refused. [Policy.Explain] is the same for one event, in a test.
package policy
