package sealed

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/viewer"
	"golang.org/x/mod/sumdb/note"
)

// Prover proves the records of a ledger, also while a process writes it. It reads only. Its
// methods are safe for concurrent use.
type Prover struct {
	dir  string
	keys []note.Verifier
	opts []ledger.Option
	find func(ctx context.Context, entry []byte) ([]uint64, error) // nil: the seal is searched

	mu       sync.Mutex
	verified time.Time // zero: not yet
	findings int64
}

var _ viewer.Prover = (*Prover)(nil)

// NewProver returns a Prover of the sealed ledger in a directory, whose checkpoints one of the
// keys must have signed. The keys must not come from the directory.
//
// The options are those for opening the ledger, such as ledger.WithGroupWritable.
func NewProver(dir string, keys []note.Verifier, opts ...ledger.Option) (*Prover, error) {
	if len(keys) == 0 {
		return nil, errors.New("sealed: NewProver needs a public key; without it, anybody could have signed")
	}
	return &Prover{dir: dir, keys: keys, opts: opts}, nil
}

// UseIndex makes Prove find entries by an index: find returns the sequence numbers that an entry
// may have, as the method Sequences of ledgerquery.Reader does. Without one, the seal is searched
// from its newest entry back, which takes seconds for ten million entries. Call UseIndex before
// Prove.
func (p *Prover) UseIndex(find func(ctx context.Context, entry []byte) ([]uint64, error)) {
	p.find = find
}

// files returns the files of the seal. The directory may have been replaced since the last
// call.
func (p *Prover) files() seal.Files { return seal.OpenDir(filepath.Join(p.dir, seal.DirName)) }

// Prove returns the proof of an entry.
func (p *Prover) Prove(ctx context.Context, entry []byte) (viewer.Proof, error) {
	files := p.files()
	status, err := seal.ReadStatus(files, p.keys...)
	if err != nil {
		return viewer.Proof{}, err
	}
	proof, err := p.prove(ctx, files, entry)
	if errors.Is(err, seal.ErrNotSealed) {
		return viewer.Proof{}, errors.Join(viewer.ErrNotSealed, err)
	}
	if err != nil {
		return viewer.Proof{}, err
	}
	checkpoint := checkpointOf(&status)
	if proof.Checkpoint.Size != status.Checkpoint.Size { // a newer one was stored meanwhile
		checkpoint.Stored = time.Time{}
	}
	checkpoint.Origin, checkpoint.Size = proof.Checkpoint.Origin, proof.Checkpoint.Size
	return viewer.Proof{Text: proof.Encode(), Leaf: proof.Leaf, Checkpoint: checkpoint}, nil
}

// prove proves an entry by its sequence number, or, where nobody knows that, by searching the
// seal. It also does so if another entry was sealed under the number: the index may be that of
// another ledger. If the seal does not have the entry either, it was altered.
func (p *Prover) prove(ctx context.Context, files seal.Files, entry []byte) (*seal.Proof, error) {
	var altered, unsealed error
	if p.find != nil {
		seqs, _ := p.find(ctx, entry) // without the index, the seal is searched
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("sealed: prove an entry: %w", err)
		}
		for _, seq := range seqs {
			proof, err := seal.Prove(files, seq, entry, p.keys...)
			switch {
			case err == nil:
				return proof, nil
			case errors.Is(err, seal.ErrNotSealed):
				unsealed = err // a copy that was stored before may be sealed
			default:
				altered = err
			}
		}
		if unsealed != nil && altered == nil {
			return nil, unsealed
		}
	}
	seq, err := seal.Locate(ctx, files, entry, p.keys...)
	switch {
	case errors.Is(err, seal.ErrNotSealed) && altered != nil:
		return nil, altered
	case err != nil:
		return nil, err
	}
	return seal.Prove(files, seq, entry, p.keys...)
}

func checkpointOf(s *seal.Status) viewer.Checkpoint {
	return viewer.Checkpoint{Origin: s.Checkpoint.Origin, KeyName: s.KeyName, Size: s.Checkpoint.Size, Stored: s.Stored}
}

// Seal returns how far the ledger is sealed, and the result of the last Verify.
func (p *Prover) Seal(context.Context) (viewer.Seal, error) {
	status, err := seal.ReadStatus(p.files(), p.keys...)
	if err != nil {
		return viewer.Seal{}, err
	}
	r, err := ledger.OpenReader(p.dir, p.opts...)
	if err != nil {
		return viewer.Seal{}, err
	}
	defer func() { _ = r.Close() }() // read only
	stats, err := r.Stats()
	if err != nil {
		return viewer.Seal{}, err
	}
	s := viewer.Seal{Ledger: p.dir, Checkpoint: checkpointOf(&status)}
	if last := stats.Next - 1; last > status.Last {
		s.Unsealed = int64(last - status.Last)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Verified, s.Findings = p.verified, p.findings
	return s, nil
}

// Verify compares every entry of the ledger with what was sealed, as seal.Verify does, and
// keeps the result for Seal. It reads the whole ledger. The options need no Keys.
func (p *Prover) Verify(ctx context.Context, opts seal.VerifyOptions) (*seal.Report, error) {
	r, err := ledger.OpenReader(p.dir, p.opts...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only
	opts.Keys = p.keys
	began := time.Now()
	report, err := seal.Verify(ctx, r, opts)
	if err != nil {
		return nil, fmt.Errorf("sealed: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verified, p.findings = began, int64(len(report.Findings))+report.More
	return report, nil
}
