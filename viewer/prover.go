package viewer

import (
	"context"
	"errors"
	"time"
)

// Prover proves the records of a sealed ledger. Package viewer/sealed has one. Its methods are
// safe for concurrent use.
type Prover interface {
	// Prove returns the proof of an entry, which is a record as the ledger stores it. The error
	// matches ErrNotSealed if no checkpoint covers it.
	Prove(ctx context.Context, entry []byte) (Proof, error)
	// Seal returns how far the ledger is sealed. Its error is shown to nobody.
	Seal(ctx context.Context) (Seal, error)
}

// ErrNotSealed means that no checkpoint covers a record.
var ErrNotSealed = errors.New("viewer: no checkpoint covers the record")

// Proof shows that a record was sealed. It was checked.
type Proof struct {
	// Text is the proof as deed verify-proof reads it. It has the whole record.
	Text []byte
	// Leaf is the number of the record in the tree of the checkpoint, from 0.
	Leaf int64
	// Checkpoint is that of the tree.
	Checkpoint Checkpoint
}

// Checkpoint describes a signed state of a ledger.
type Checkpoint struct {
	// Origin names the ledger, and KeyName the key that signed.
	Origin, KeyName string
	// Size is the number of entries that it covers.
	Size int64
	// Stored is when it was stored, as the machine with the ledger says, or zero if that is not
	// known. The signature does not cover it.
	Stored time.Time
}

// Seal is how far a ledger is sealed.
type Seal struct {
	// Ledger names the ledger, such as its directory.
	Ledger string
	// Checkpoint is the newest one.
	Checkpoint Checkpoint
	// Unsealed is the number of entries that no checkpoint covers.
	Unsealed int64
	// Verified is when all entries were last compared with what was sealed, or zero if this is
	// not known. Findings is how many differences there were.
	Verified time.Time
	Findings int64
}

// WithProvers shows the proof of each record on its page, and how far the ledgers are sealed
// on that of [WithHealth]. A proof has the whole record, and says how many entries its ledger
// has. So somebody whose [View] hides fields or targets gets no proofs, and a product decides
// whether its customers, who see the records of their tenant, may know that number.
func WithProvers(provers ...Prover) Option {
	return func(c *config) error {
		for _, p := range provers {
			if p == nil {
				return errors.New("viewer: WithProvers: a prover is nil")
			}
		}
		c.provers = provers
		return nil
	}
}
