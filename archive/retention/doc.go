// Package retention decides how long records are kept, and removes them when their time is
// over: from ledgers, from collections such as MongoDB's, and from archives.
//
// A [Policy] is a list of rules. Each is a class of records: by action, type of target and
// tenant. The first rule that matches a record decides; a record without one is kept forever.
//
//	policy, err := retention.NewPolicy(
//		retention.Rule{Name: "logins", Actions: []string{"user.*"}, Keep: 90 * retention.Day},
//		retention.Rule{Name: "payouts", Actions: []string{"payout.*"}, Keep: 10 * retention.Year, ArchiveAfter: 180 * retention.Day},
//	)
//	...
//	options := retention.Options{Policy: policy, Store: store, Tracker: tracker}
//	plan, err := retention.PlanLedger(ctx, reader, options)            // changes nothing
//	report, err := retention.ApplyLedger(ctx, reader, remove, options) // does it, and records it
//
// A single record cannot leave a segment of a ledger. A segment is removed once each of its
// records is past its time, or in an archive that was read back and verified. A plan reports
// what that keeps longer than its class, and until when.
//
// A [Hold] blocks the removal of the records that it matches, from everywhere, until it is
// lifted. Whatever was archived, removed, held and released is an event of the Tracker.
//
// An apply may be killed at any time. Nothing is lost, and the next one continues.
// docs/retention.md describes all of it.
package retention
