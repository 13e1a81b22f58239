// Package policy defines the rules of an audit trail: what events must have, how much
// of their changes is recorded, which exporters get them, and which requests must leave
// an event.
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
// # Which rule applies
//
// The first rule that matches an event decides alone. In the example, only the rule
// "payouts" applies to a payout in the admin channel; the rule "admin" adds nothing to
// it. An event that matches no rule is recorded unchanged, by all exporters. A rule
// without requirements therefore exempts events from the rules after it.
//
// A rule matches if all of its lists match: Actions, Targets (the type of the target),
// ActorTypes (of the actor, not of those it acts on behalf of) and Channels. A list that
// is nil matches everything. The lists hold patterns as in [Match].
//
// Rules with RequireEvent or Exempt match requests instead of events; see
// [Policy.Coverage].
//
// # Which events must meet the requirements
//
// Require, RequireActorTypes and RejectAnonymous apply to intents only: a data layer
// that raises a signal does not know the reason. The other fields apply to signals too.
//
// An event that begins an attempt (audit.Begin) needs no outcome and no changes, because
// they are not known yet. The event that finishes it is checked like any other.
// audit.Attempt copies the reason, the target and the tenant to it; metadata must be set
// again.
//
// # Try a policy first
//
// query.DryRun prints which rule each stored record matches, and what would have been
// rejected. [Policy.Explain] does the same for one event, in a test.
package policy
