// Package seal makes a ledger provable: whoever holds one small signed text can find out
// whether anything below it was changed, removed or put in since.
//
// The entries of a ledger are the leaves of a Merkle tree, as in RFC 6962. A [Sealer] follows
// a ledger that is open for writing, adds each entry once it is on stable storage, and signs a
// [Checkpoint] at most once a second: how many leaves there are, and the hash of all of them.
// An [Anchor] keeps the newest checkpoint outside of the ledger's directory.
//
//	key, err := seal.LoadKey("/etc/app/audit.key")
//	anchor := seal.AnchorFile("/mnt/elsewhere/audit.checkpoint")
//	sealer, err := seal.Start(ctx, ledger, key, seal.WithAnchor(anchor))
//	...
//	err = sealer.Close() // before the ledger: it seals what is left
//
// [Start] compares the ledger with the anchor. If the ledger was rolled back, replaced or
// rewritten, the error is an [*AnchorError].
//
// [Verify] reads a ledger and names what differs from what was sealed. A [Proof] shows that
// one entry is in the tree of a checkpoint; who checks it needs neither the ledger nor the
// private key.
//
// The package sees bytes, no records. docs/seal-format.md specifies the files: hashes in the
// layout of C2SP's tlog-tiles, checkpoints as signed notes, proofs as tlog-proofs.
package seal
