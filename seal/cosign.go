package seal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Quorum decides whether enough witnesses have cosigned a checkpoint.
type Quorum interface {
	// Check returns an error if they are too few.
	Check(checkpoint []byte) error
}

// Witnesses cosign checkpoints. They remember what they have seen of a ledger, and cosign only a
// checkpoint that continues it. Package seal/witness asks them over HTTP.
type Witnesses interface {
	Quorum
	// Cosign returns the checkpoint with the cosignatures that it has got. Prove returns the
	// proof of RFC 6962 that the tree continues the one of an older size. The error says which
	// witnesses have not cosigned, and whether the others are too few. It matches ErrFork or
	// ErrRollback if one has seen another history.
	Cosign(ctx context.Context, c Checkpoint, prove func(older int64) ([]Hash, error)) (signed []byte, err error)
}

// WithWitnesses lets witnesses cosign the checkpoints, in the background: neither Track nor
// sealing waits for them. The newest checkpoint that has enough cosignatures is in the file
// "cosigned" of the directory, and in the anchor unless that has a newer one. Close waits up to
// five seconds for the last one. If a witness does not cosign, the error handler gets a
// *WitnessError.
func WithWitnesses(w Witnesses) Option { return func(c *config) { c.witnesses = w } }

// WitnessError reports that witnesses have not cosigned a checkpoint. If one has seen another
// history of the ledger, it matches ErrFork or ErrRollback; they do not stop the Sealer, since a
// witness may be wrong.
type WitnessError struct {
	// Checkpoint is what they should have cosigned.
	Checkpoint Checkpoint
	// Enough reports whether enough others have.
	Enough bool
	// Err says what each has answered.
	Err error
}

// Error says what is missing.
func (e *WitnessError) Error() string {
	if e.Enough {
		return fmt.Sprintf("seal: enough witnesses have cosigned the checkpoint, but not all: %v", e.Err)
	}
	return fmt.Sprintf("seal: too few witnesses have cosigned the checkpoint; they are asked again: %v", e.Err)
}

// Unwrap returns Err.
func (e *WitnessError) Unwrap() error { return e.Err }

// cosignedName is the name of the file with the newest checkpoint that has enough cosignatures.
const cosignedName = "cosigned"

// closeWitnesses is how long Close waits for witnesses, and askWitnesses how long they may take
// otherwise.
const (
	closeWitnesses = 5 * time.Second
	askWitnesses   = time.Minute
)

// Cosigned returns the newest checkpoint that enough witnesses have cosigned, or one without a
// Note.
func (s *Sealer) Cosigned() Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cosigned
}

// offer gives a checkpoint to the goroutine of cosignLoop, in place of one that it has not taken
// yet.
func (s *Sealer) offer(c Checkpoint) {
	if s.witnesses == nil || c.Size == 0 {
		return
	}
	for {
		select {
		case s.offers <- c:
			return
		default:
		}
		select {
		case <-s.offers:
		default:
		}
	}
}

// cosignLoop asks the witnesses until ctx ends.
func (s *Sealer) cosignLoop(ctx context.Context) {
	pause := s.interval
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		var c Checkpoint
		select {
		case <-ctx.Done():
			return
		case c = <-s.offers:
		case <-retry.C: // also at the beginning: the last one may not have reached them
			if c = s.Newest(); c.Size == 0 || c.sameTree(s.Cosigned()) {
				continue
			}
		}
		if s.cosign(ctx, c, askWitnesses) {
			pause = s.interval
			continue
		}
		retry.Reset(pause)
		pause = min(2*pause, retryInterval)
	}
}

// cosign asks the witnesses, and reports whether enough have cosigned.
func (s *Sealer) cosign(ctx context.Context, c Checkpoint, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	signed, err := s.witnesses.Cosign(ctx, c, func(older int64) ([]Hash, error) {
		tiles := tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tileReader{s.files})
		return tlog.ProveTree(c.Size, older, tiles)
	})
	enough := s.witnesses.Check(signed) == nil
	if enough {
		c.Note = signed
		err = errors.Join(err, s.keepCosigned(ctx, c))
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		s.complain(&s.reportedWitness, &WitnessError{Checkpoint: c, Enough: enough, Err: err})
	}
	return enough
}

// keepCosigned stores a checkpoint with its cosignatures.
func (s *Sealer) keepCosigned(ctx context.Context, c Checkpoint) error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if err := s.files.Write(cosignedName, c.Note); err != nil {
		return err
	}
	s.mu.Lock()
	s.cosigned = c
	newest := s.newest.sameTree(c)
	if newest {
		s.newest = c
	}
	s.mu.Unlock()
	if !newest {
		return nil
	}
	s.anchored = false
	if err := s.files.Write(checkpointName, c.Note); err != nil {
		return err
	}
	return s.storeAnchor(ctx)
}

// lastCosigned asks the witnesses for the last time.
func (s *Sealer) lastCosigned(ctx context.Context) {
	if c := s.Newest(); s.witnesses != nil && c.Size > 0 && !c.sameTree(s.Cosigned()) {
		s.cosign(ctx, c, closeWitnesses)
	}
}

// sameTree reports whether both are of the same tree. Their signatures may differ.
func (c *Checkpoint) sameTree(other Checkpoint) bool {
	return c.Origin == other.Origin && c.Size == other.Size && c.Root == other.Root
}

// loadCosigned returns the newest checkpoint with cosignatures in a directory. Its Note is nil if
// none was stored, or none of the keys has signed it.
func loadCosigned(files Files, keys ...note.Verifier) Checkpoint {
	signed, err := files.Read(cosignedName)
	if err != nil {
		return Checkpoint{}
	}
	c, err := OpenCheckpoint(signed, keys...)
	if err != nil {
		return Checkpoint{}
	}
	return c
}

// forProof returns the checkpoint of a directory for a proof: the one with cosignatures, if it
// covers the leaf and its tiles are there, or else the newest one.
func forProof(files Files, leaf int64, newest Checkpoint, keys ...note.Verifier) Checkpoint {
	c := loadCosigned(files, keys...)
	if c.Note == nil || c.Origin != newest.Origin || leaf >= c.Size {
		return newest
	}
	if _, ok := openSealedTree(files, &c); !ok {
		return newest
	}
	return c
}
