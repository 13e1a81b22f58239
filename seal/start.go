package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"golang.org/x/mod/sumdb/tlog"
)

// expectation is a checkpoint that the tree must meet.
type expectation struct {
	Checkpoint

	source string
}

// The sources of an expectation.
const (
	sourceAnchor    = "anchor"
	sourceDirectory = "directory"
	sourceWitnesses = "witnesses"
)

// Start seals a ledger until Close is called. First it compares the ledger with the checkpoint
// of the anchor, and with that of its own directory. If the ledger lacks what was sealed or
// contradicts it, the error is an *AnchorError, and nothing is sealed.
//
// A ledger that was not sealed before is sealed from its oldest entry on, in the background.
// The ledger must be open until Close has returned, and has one Sealer at a time.
func Start(ctx context.Context, l *ledger.Ledger, key *Key, opts ...Option) (*Sealer, error) {
	c, err := newConfig(l.Dir(), opts)
	if err != nil {
		return nil, err
	}
	s := &Sealer{config: c, ledger: l, entries: l.Sidecars(), key: key, hasher: newLeafHasher(), partial: map[string]bool{}, provedAt: time.Now(), offers: make(chan Checkpoint, 1), done: make(chan struct{})}
	if s.cursor, err = l.Cursor(CursorName); err != nil {
		return nil, err
	}
	if err = s.resume(ctx); err == nil && s.adopt {
		err = s.publish(ctx)
	}
	if err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go s.run(ctx)
	return s, nil
}

// resume continues with the tree of the last Sealer, and compares the ledger with what it must
// meet.
func (s *Sealer) resume(ctx context.Context) error {
	anchored, err := s.loadAnchor(ctx)
	if err != nil {
		return err
	}
	own := s.loadOwn()
	if s.witnesses != nil {
		if c := loadCosigned(s.files, s.verifiers()...); c.Note != nil && s.witnesses.Check(c.Note) == nil {
			s.cosigned = c
		}
	}
	err = s.loadTree(own)
	if err == nil && s.gaps.seq(s.tree.size) != s.next {
		err = errGaps
	}
	if s.adopt && errors.Is(err, errGaps) {
		return s.begin(ctx, own, anchored)
	}
	if err != nil {
		return err
	}
	if err := s.mend(ctx); err != nil {
		return err
	}
	if s.adopt {
		return s.adoptLedger(ctx, own, anchored)
	}
	if anchored != nil {
		s.held = anchored.Note
	}
	return s.compare(ctx, own, anchored)
}

// loadAnchor returns the checkpoint of the anchor, or nil.
func (s *Sealer) loadAnchor(ctx context.Context) (*Checkpoint, error) {
	if s.anchor == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	signed, err := s.anchor.Load(ctx)
	if err != nil || signed == nil {
		return nil, err
	}
	c, err := OpenCheckpoint(signed, s.verifiers()...)
	if err != nil {
		if s.adopt {
			return nil, nil
		}
		return nil, errors.Join(&AnchorError{Dir: s.ledger.Dir(), Source: sourceAnchor, Reason: ErrUntrusted}, err)
	}
	return &c, nil
}

// compareAnchor compares the newest checkpoint with what the anchor has, before it replaces that.
// An anchor that was out of reach at the start, such as an empty mount point, may have a checkpoint
// of entries that the ledger lacks. One that no trusted key has signed is replaced.
func (s *Sealer) compareAnchor(ctx context.Context, newest Checkpoint) error {
	held, err := s.loadAnchor(ctx)
	switch {
	case errors.Is(err, ErrUntrusted) || s.adopt:
		return nil
	case err != nil || held == nil || string(held.Note) == string(s.held):
		return err
	case held.Origin != newest.Origin:
		return &AnchorError{Dir: s.ledger.Dir(), Source: sourceAnchor, Reason: ErrReplaced, Expected: *held, Found: newest}
	}
	e := expectation{*held, sourceAnchor}
	if held.Size > newest.Size {
		return &AnchorError{Dir: s.ledger.Dir(), Source: e.source, Reason: ErrRollback, Expected: *held, Found: newest}
	}
	root := edgeRoot(nil)
	if held.Size > 0 {
		tiles := tlog.TileHashReader(tlog.Tree{N: newest.Size, Hash: newest.Root}, tileReader{s.files})
		if root, err = tlog.TreeHash(held.Size, tiles); err != nil {
			return err
		}
	}
	if root != held.Root {
		return s.contradicts(e, ErrFork, root)
	}
	return nil
}

// loadOwn returns the checkpoint of the directory, or nil. It is not durable, so a crash of
// the machine may leave anything in its file; it counts only if it is signed.
func (s *Sealer) loadOwn() *Checkpoint {
	signed, err := s.files.Read(checkpointName)
	if err != nil {
		return nil
	}
	c, err := OpenCheckpoint(signed, s.verifiers()...)
	if err != nil {
		return nil
	}
	return &c
}

// loadTree loads the tree: that of the directory's checkpoint if its tiles are there, which is
// so after a crash of the process, and otherwise the durable one.
func (s *Sealer) loadTree(own *Checkpoint) error {
	durable, ok, err := loadState(s.files)
	if errors.Is(err, errState) {
		s.report(err)
		durable, ok, err = state{}, false, nil
	}
	if err != nil {
		return err
	}
	if ok && durable.ledger != s.ledger.ID() && !s.adopt {
		return s.replaced(Checkpoint{Origin: Origin(s.key.Name(), durable.ledger, durable.restores)}, sourceDirectory)
	}
	if !ok || durable.ledger != s.ledger.ID() {
		durable = state{next: 1}
	}
	s.tree, s.next, s.restores = durable.tree, durable.next, durable.restores
	if s.gaps, err = loadGaps(s.files); err != nil {
		return err
	}
	s.tree.full = s.keepFull
	for _, t := range edgeTiles(s.tree.size) {
		s.partial[partialDir(t)] = true
	}
	if own == nil || own.Size <= durable.tree.size || own.Origin != Origin(s.key.Name(), s.ledger.ID(), s.restores) {
		return nil
	}
	sealed, ok := openSealedTree(s.files, own)
	if !ok {
		return nil // the machine stopped, and the tiles are written again
	}
	for _, t := range edgeTiles(own.Size) {
		s.partial[partialDir(t)] = true
	}
	var written []string
	for _, t := range tlog.NewTiles(tileHeight, durable.tree.size, own.Size) {
		if t.W < tileWidth {
			continue
		}
		if _, ok := sealed.tile(t.L, t.N); !ok {
			return nil
		}
		written = append(written, tileName(t))
	}
	s.tree.size, s.tree.edge, s.next, s.written = own.Size, sealed.edge, s.gaps.seq(own.Size), written
	return nil
}

// replaced returns the error for a checkpoint of another ledger.
func (s *Sealer) replaced(expected Checkpoint, source string) error {
	return &AnchorError{
		Dir: s.ledger.Dir(), Source: source, Reason: ErrReplaced, Expected: expected,
		Found: Checkpoint{Origin: Origin(s.key.Name(), s.ledger.ID(), s.restores), Size: s.tree.size},
	}
}

// compare reads as many entries as the checkpoints cover, and compares them.
func (s *Sealer) compare(ctx context.Context, own, anchored *Checkpoint) error {
	origin := Origin(s.key.Name(), s.ledger.ID(), s.restores)
	for _, e := range []struct {
		checkpoint *Checkpoint
		source     string
	}{{own, sourceDirectory}, {anchored, sourceAnchor}} {
		switch {
		case e.checkpoint == nil:
		case e.checkpoint.Origin != origin:
			return s.replaced(*e.checkpoint, e.source)
		default:
			s.expected = append(s.expected, expectation{*e.checkpoint, e.source})
		}
	}
	slices.SortStableFunc(s.expected, func(a, b expectation) int { return cmp.Compare(a.Size, b.Size) })
	synced := s.ledger.Synced()
	if s.next > synced+1 {
		return &AnchorError{
			Dir: s.ledger.Dir(), Source: sourceDirectory, Reason: ErrRollback,
			Expected: Checkpoint{Origin: origin, Size: s.tree.size, Root: s.tree.root()},
			Found:    Checkpoint{Origin: origin, Size: s.tree.size - int64(s.next-synced-1)},
		}
	}
	if err := s.checkPast(); err != nil {
		return err
	}
	if err := s.checkExpected(); err != nil {
		return err
	}
	if len(s.expected) > 0 {
		if err := s.catchUp(ctx, synced); err != nil {
			return err
		}
	}
	if own == nil || own.Size != s.tree.size {
		return s.checkReached()
	}
	_, signed := OpenCheckpoint(own.Note, s.key.verifier)
	if _, ok := openSealedTree(s.files, own); ok && signed == nil { // otherwise it is made again, by the new key or with its tiles
		s.newest, s.anchored = *own, anchored != nil && string(anchored.Note) == string(own.Note)
	}
	return s.checkReached()
}

// checkPast compares the checkpoints of smaller trees with the tiles.
func (s *Sealer) checkPast() error {
	for len(s.expected) > 0 && s.expected[0].Size < s.tree.size {
		e := s.expected[0]
		s.expected = s.expected[1:]
		root, err := s.rootAt(e.Size)
		if err != nil {
			return fmt.Errorf("seal: the tiles do not show the tree of %d leaves that the checkpoint of the %s is of: %w; restore the directory %s of the ledger from a copy", e.Size, e.source, err, DirName)
		}
		if root != e.Root {
			return s.contradicts(e, ErrFork, root)
		}
	}
	return nil
}

// rootAt returns the hash of a smaller tree, from the tiles.
func (s *Sealer) rootAt(size int64) (Hash, error) {
	if size == 0 {
		return edgeRoot(nil), nil
	}
	reader := tlog.TileHashReader(tlog.Tree{N: s.tree.size, Hash: s.tree.root()}, edgeReader{tileReader{s.files}, &s.tree})
	return tlog.TreeHash(size, reader)
}

// edgeReader reads the partial tiles of a tree from memory.
type edgeReader struct {
	tileReader

	tree *tree
}

func (r edgeReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		if t.W < tileWidth && t.L < len(r.tree.edge) && len(r.tree.edge[t.L]) == t.W {
			data[i] = encodeTile(r.tree.edge[t.L])
			continue
		}
		one, err := r.tileReader.ReadTiles([]tlog.Tile{t})
		if err != nil {
			return nil, err
		}
		data[i] = one[0]
	}
	return data, nil
}

// checkExpected compares the tree with the checkpoints of its size.
func (s *Sealer) checkExpected() error {
	for len(s.expected) > 0 && s.expected[0].Size == s.tree.size {
		e := s.expected[0]
		if root := s.tree.root(); root != e.Root {
			return s.contradicts(e, ErrFork, root)
		}
		s.expected = s.expected[1:]
	}
	return nil
}

// checkReached returns an error if the ledger ends before a checkpoint.
func (s *Sealer) checkReached() error {
	if len(s.expected) == 0 {
		return nil
	}
	return s.contradicts(s.expected[len(s.expected)-1], ErrRollback, s.tree.root())
}

func (s *Sealer) contradicts(e expectation, reason error, root Hash) error {
	found := e.Checkpoint
	found.Note, found.Root = nil, root
	if errors.Is(reason, ErrRollback) {
		found.Size = s.tree.size
	}
	return &AnchorError{Dir: s.ledger.Dir(), Source: e.source, Reason: reason, Expected: e.Checkpoint, Found: found}
}

// adoptLedger continues with a ledger that may contradict what was signed. If it does, it
// begins another tree, whose origin says that it is one.
func (s *Sealer) adoptLedger(ctx context.Context, own, anchored *Checkpoint) error {
	err := s.compare(ctx, own, anchored)
	if _, ok := errors.AsType[*AnchorError](err); !ok {
		return err
	}
	if errors.Is(err, ErrRollback) && s.next <= s.ledger.Synced()+1 {
		s.rename(own, anchored)
		return nil // it has the beginning of what was signed
	}
	return s.begin(ctx, own, anchored)
}

// rename gives the tree another origin than those of the checkpoints.
func (s *Sealer) rename(own, anchored *Checkpoint) {
	restores := s.restores
	for _, c := range []*Checkpoint{own, anchored} {
		if c != nil {
			restores = max(restores, restoresOf(c.Origin, Origin(s.key.Name(), s.ledger.ID(), 0)))
		}
	}
	s.restores, s.expected, s.newest, s.cosigned, s.anchored = restores+1, nil, Checkpoint{}, Checkpoint{}, false
}

// begin begins another tree, with all entries of the ledger.
func (s *Sealer) begin(ctx context.Context, own, anchored *Checkpoint) error {
	s.rename(own, anchored)
	s.tree, s.next, s.segment, s.full, s.written, s.gaps = tree{full: s.keepFull}, 1, 0, nil, nil, nil
	for _, name := range []string{checkpointName, cosignedName, stateName, gapsName, "tile"} {
		if err := s.files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.catchUp(ctx, s.ledger.Synced())
}
