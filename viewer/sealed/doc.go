// Package sealed shows the proofs of a sealed ledger in the viewer.
//
//	key, err := seal.ParsePublicKey(public)
//	prover, err := sealed.NewProver("audit-ledger", []note.Verifier{key})
//	...
//	handler, err := viewer.New(reader, viewer.WithProvers(prover), ...)
package sealed
