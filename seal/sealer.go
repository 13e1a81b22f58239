package seal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CursorName is the name of the ledger's cursor that keeps entries until they are sealed.
const CursorName = "seal"

// Sealer adds the entries of an open ledger to its tree, and signs checkpoints. Its methods
// are safe for concurrent use.
type Sealer struct {
	config

	ledger  *ledger.Ledger
	entries *ledger.Sidecars
	cursor  *ledger.Cursor
	key     *Key
	hasher  leafHasher

	// The goroutine of loop uses the fields below, and Start and Close while it does not run.
	restores int
	tree     tree
	next     uint64          // sequence number of the first entry that is not in the tree
	gaps     gaps            // those after the end of the tree were found before a crash
	segment  uint64          // the segment of the last entry that was added
	full     []fullTile      // tiles that are not written yet
	written  []string        // tiles that are not durable yet
	lost     bool            // sync has removed tiles
	partial  map[string]bool // directories that may have partial tiles
	expected []expectation   // what the tree must meet, by size
	reported string          // the last error that was reported

	offers          chan Checkpoint // for the witnesses; at most one
	reportedWitness string

	publishing sync.Mutex // held while checkpoints are stored
	anchored   bool       // the anchor has the newest checkpoint
	held       []byte     // what the anchor had, when it was compared or stored last

	reporting sync.Mutex // held while report is called

	mu       sync.Mutex
	newest   Checkpoint
	cosigned Checkpoint // by enough witnesses
	proved   uint64     // the last entry that the newest checkpoint of the anchor covers
	provedAt time.Time  // no entry before was left out of it
	failed   error      // why nothing is sealed any more

	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutines have returned
	close  sync.Once
}

// fullTile is a tile that will never change.
type fullTile struct {
	tile    tlog.Tile
	content []byte
}

// retryInterval limits how long a Sealer waits after an error.
const retryInterval = time.Minute

// anchorTimeout is how long an anchor may take.
const anchorTimeout = 30 * time.Second

// run seals until ctx ends.
func (s *Sealer) run(ctx context.Context) {
	defer close(s.done)
	if s.witnesses != nil {
		var group sync.WaitGroup
		group.Go(func() { s.cosignLoop(ctx) })
		defer group.Wait()
	}
	s.loop(ctx)
}

func (s *Sealer) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause, again := s.interval, true // the last checkpoint may not have reached the anchor
	for {
		if !again && s.ledger.WaitSynced(ctx, s.next) != nil {
			return
		}
		err := s.seal(ctx)
		if ctx.Err() != nil {
			return
		}
		if again = err != nil; again {
			s.complain(&s.reported, err)
			if s.fail(err) {
				return
			}
			pause = min(2*pause, retryInterval)
		} else {
			pause = s.interval
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// fail reports whether an error is permanent, and remembers it then.
func (s *Sealer) fail(err error) bool {
	_, lost := errors.AsType[*ledger.LostError](err)
	_, contradicts := errors.AsType[*AnchorError](err)
	if !lost && !contradicts {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	return true
}

// complain reports an error, unless it is the same again.
func (s *Sealer) complain(last *string, err error) {
	if text := err.Error(); text != *last {
		*last = text
		s.reporting.Lock()
		defer s.reporting.Unlock()
		s.report(err)
	}
}

// Newest returns the newest checkpoint that was signed.
func (s *Sealer) Newest() Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// Delay returns for how long there have been entries that no checkpoint covers which the anchor
// has; without an anchor, which the directory has. With traffic that is about the interval. If it
// is minutes, the key, the anchor or the disk fails.
func (s *Sealer) Delay() time.Duration {
	synced := s.ledger.Synced()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proved >= synced {
		return 0
	}
	return time.Since(s.provedAt)
}

// HeldElsewhere reports whether checkpoints are kept outside of the ledger's directory: by an
// anchor, by witnesses, or with WithFiles. Otherwise whoever removes the directory, or puts an old
// copy back, removes them too, and nobody notices.
func (s *Sealer) HeldElsewhere() bool { return s.anchor != nil || s.witnesses != nil || s.apart }

// Close seals all entries that were appended before the call, and stores where the next Sealer
// continues. The ledger must still be open. Only the first call has an effect. If ctx ends
// while the anchor is written, the error says so, and the next Start stores the checkpoint
// there. Witnesses that do not cosign are reported, and are no error.
func (s *Sealer) Close(ctx context.Context) error {
	err := error(nil)
	s.close.Do(func() {
		s.cancel()
		<-s.done
		s.mu.Lock()
		err = s.failed
		s.mu.Unlock()
		if err == nil {
			err = s.ledger.Sync()
		}
		if err == nil {
			err = errors.Join(s.seal(ctx), s.store(ctx))
		}
		if err == nil {
			s.lastCosigned(ctx)
		}
	})
	return err
}

// seal adds what was synced, and makes a checkpoint if there is anything new.
func (s *Sealer) seal(ctx context.Context) error {
	if err := s.ledger.VerifyOwner(); err != nil {
		return err
	}
	now := time.Now()
	if err := s.catchUp(ctx, s.ledger.Synced()); err != nil {
		return err
	}
	if err := s.checkReached(); err != nil {
		return err
	}
	if err := s.publish(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proved, s.provedAt = s.next-1, now
	return nil
}

// catchUp adds the entries up to one that is synced.
func (s *Sealer) catchUp(ctx context.Context, to uint64) error {
	for s.next <= to {
		before := s.next
		for frame, err := range s.entries.Frames(ctx, s.next, to) {
			_, removed := errors.AsType[*ledger.RemovedError](err)
			_, corrupt := errors.AsType[*ledger.CorruptError](err)
			switch {
			case removed || corrupt: // a gap, if entries follow
				s.complain(&s.reported, fmt.Errorf("seal: entries cannot be sealed: %w", err))
				continue
			case err != nil:
				return err
			}
			if err := s.addFrame(ctx, &frame); err != nil {
				return err
			}
		}
		if s.next == before {
			return nil // the rest cannot be read
		}
	}
	return nil
}

func (s *Sealer) addFrame(ctx context.Context, f *ledger.Frame) error {
	if f.Segment != s.segment {
		if s.segment != 0 {
			if err := s.store(ctx); err != nil {
				return err
			}
		}
		s.segment = f.Segment
	}
	for e := range f.All() {
		if err := s.addGaps(e.Seq); err != nil {
			return err
		}
		if e.Seq < s.next {
			continue
		}
		if err := s.add(s.hasher.sum(e.Data)); err != nil {
			return err
		}
		s.next = e.Seq + 1
	}
	return s.writeFull()
}

// addGaps adds the gap before an entry, or the one that it is in.
func (s *Sealer) addGaps(seq uint64) error {
	for s.next <= seq {
		known := s.gaps.next(s.tree.size)
		if known == nil || known.Leaf != s.tree.size {
			if s.next == seq {
				return nil
			}
			last := seq - 1
			if known != nil {
				last = min(last, known.First-1)
			}
			fresh := Gap{First: s.next, Last: last, Leaf: s.tree.size}
			if known != nil { // those that were found before a crash do not fit what is read now
				return fmt.Errorf("seal: entries %v cannot be read any more, and those after them were sealed", fresh)
			}
			s.gaps = append(s.gaps, fresh)
			if err := s.gaps.store(s.files); err != nil {
				s.gaps = s.gaps[:len(s.gaps)-1]
				return err
			}
			known = &fresh
		}
		if err := s.add(s.hasher.sum(known.LeafData())); err != nil {
			return err
		}
		s.next = known.Last + 1
	}
	return nil
}

// add adds a leaf.
func (s *Sealer) add(h Hash) error {
	s.tree.add(h)
	return s.checkExpected()
}

// keepFull keeps a tile that has become full until it is written.
func (s *Sealer) keepFull(t tlog.Tile, hashes []Hash) {
	s.full = append(s.full, fullTile{t, encodeTile(hashes)})
}

// writeFull writes the tiles that have become full, and removes their partial ones.
func (s *Sealer) writeFull() error {
	for len(s.full) > 0 {
		t := s.full[0]
		name := tileName(t.tile)
		if err := s.files.Create(name, t.content); err != nil {
			return err
		}
		s.written = append(s.written, name)
		s.full = s.full[1:]
		dir := partialDir(t.tile)
		if !s.partial[dir] {
			continue
		}
		if err := s.files.Remove(dir); err != nil {
			return err
		}
		delete(s.partial, dir)
	}
	return nil
}

// signers returns the keys that sign.
func (s *Sealer) signers() []note.Signer {
	signers := []note.Signer{s.key.signer}
	for _, k := range s.previous {
		signers = append(signers, k.signer)
	}
	return signers
}

// verifiers returns the keys whose checkpoints count.
func (s *Sealer) verifiers() []note.Verifier {
	keys := []note.Verifier{s.key.verifier}
	for _, k := range s.previous {
		keys = append(keys, k.verifier)
	}
	return keys
}

// publish makes a checkpoint of the tree, unless the newest one is that.
func (s *Sealer) publish(ctx context.Context) error {
	c := s.Newest()
	if c.Note == nil || c.Size != s.tree.size {
		if err := s.writeFull(); err != nil {
			return err
		}
		tiles, hashes := s.tree.partialTiles()
		for i, t := range tiles {
			s.partial[partialDir(t)] = true
			if err := s.files.Create(tileName(t), encodeTile(hashes[i])); err != nil {
				return err
			}
		}
		c = Checkpoint{Origin: Origin(s.key.Name(), s.ledger.ID(), s.restores), Size: s.tree.size, Root: s.tree.root()}
		if err := c.sign(s.signers()...); err != nil {
			return err
		}
		if err := s.keepNewest(c); err != nil {
			return err
		}
		s.offer(c)
	}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	return s.storeAnchor(ctx)
}

// keepNewest stores a new checkpoint in the directory.
func (s *Sealer) keepNewest(c Checkpoint) error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if err := s.files.Write(checkpointName, c.Note); err != nil {
		return err
	}
	s.mu.Lock()
	s.newest = c
	s.mu.Unlock()
	s.anchored = false
	return nil
}

// storeAnchor stores the newest checkpoint in the anchor, unless it is there.
func (s *Sealer) storeAnchor(ctx context.Context) error {
	if s.anchor == nil || s.anchored {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	newest := s.Newest()
	err := s.compareAnchor(ctx, newest)
	if err == nil {
		err = s.anchor.Store(ctx, newest.Note)
	}
	if err != nil {
		return fmt.Errorf("seal: the newest checkpoint is in the directory only: %w", err)
	}
	s.anchored, s.held = true, newest.Note
	return nil
}

// store makes durable what was sealed, and releases the entries.
func (s *Sealer) store(ctx context.Context) error {
	if err := s.writeFull(); err != nil {
		return err
	}
	if s.lost {
		if err := s.mend(ctx); err != nil {
			return err
		}
	}
	if err := s.sync(s.written); err != nil {
		return err
	}
	s.written = s.written[:0]
	current := state{ledger: s.ledger.ID(), restores: s.restores, next: s.next, tree: s.tree}
	if err := current.store(s.files); err != nil {
		return err
	}
	return s.cursor.Commit(s.next - 1)
}

// sync makes tiles durable. If that fails, it removes them: the system may have dropped what it
// could not write, and would not say so again. They are made again before the state is stored.
func (s *Sealer) sync(tiles []string) error {
	err := s.files.Sync(tiles...)
	if err != nil {
		s.lost = true
		for _, name := range tiles {
			err = errors.Join(err, s.files.Remove(name))
		}
	}
	return err
}
