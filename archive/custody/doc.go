// Package custody verifies a sealed ledger together with its archives and copies. Retention
// archives and removes segments, and records that in the trail. So a verifier can tell a removal
// by a policy from entries that somebody has deleted.
//
//	report, err := custody.Verify(ctx, reader, custody.Options{
//		Seal:  seal.VerifyOptions{Keys: keys, Held: checkpoint},
//		Store: archives,
//	})
//	fmt.Println(report.Intact(), report.Removals)
//
// [Verify] calls seal.Verify. It accepts that entries are missing at the beginning of the ledger
// if records that were sealed themselves, of the action semconv.ActionTrailRemove, say who has
// removed them. With a store of archives it compares each archived entry with its leaf, and the
// number of all entries of a segment with those that were archived and those that nobody kept.
package custody
