// Package witness lets others confirm that a sealed ledger shows everybody the same history.
//
// A witness is a small server of somebody else. It remembers the newest checkpoint of each ledger,
// and cosigns another one only if that continues it. So whoever has the private key of a ledger,
// and everything that it stands on, still cannot show an auditor another history than the one that
// the witnesses have seen.
//
// A [Policy] says which witnesses count, and how many of them must have cosigned. A [Client] asks
// them, while the ledger is written:
//
//	policy, err := witness.LoadPolicy("/etc/shop/witnesses.policy")
//	sealer, err := seal.Start(ctx, ledger, key, seal.WithWitnesses(witness.NewClient(policy)))
//
// Who verifies demands the same policy: [Policy.Check] for a proof, and the field Quorum of
// seal.VerifyOptions for a ledger.
//
// A [Witness] is the server, an http.Handler. The command deed witness runs one.
//
// The formats are those of C2SP: tlog-witness, tlog-cosignature with Ed25519, and tlog-policy. So
// witnesses of other people cosign our ledgers, and ours cosigns their logs.
package witness
