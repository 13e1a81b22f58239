package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/opendeed/audit/sdk/ledger"
	"golang.org/x/mod/sumdb/note"
)

// VerifyOptions say what a ledger is held against.
type VerifyOptions struct {
	// Keys are the public keys whose checkpoints count. At least one is needed.
	Keys []note.Verifier
	// Held is a checkpoint that was kept outside of the directory, such as that of an Anchor.
	// Without one, nobody can tell whether the whole directory is an old copy.
	Held []byte
	// Quorum, if it is not nil, says which witnesses must have cosigned Held, or the checkpoint of
	// the directory, or an older one that the directory has kept for that.
	Quorum Quorum
	// From is the sequence number from which on every entry must be in the ledger; 0 is 1.
	// Those before it may have been removed.
	From uint64
	// Files has the files of the seal. By default they are in the directory DirName of the
	// ledger's.
	Files Files
	// Progress is called now and then, if it is not nil, with the number of entries that were
	// read.
	Progress func(entries int64)
	// Entry is called, if it is not nil, with each entry of the ledger, in order and from one
	// goroutine. The data is valid during the call. The report says later which entries are the
	// ones that were sealed.
	Entry func(seq uint64, data []byte)
}

// Verify reads a ledger, which may be open for writing meanwhile, and reports what differs from
// what was sealed. It needs little memory, and uses all processors.
//
// The error is about reading the files, or about a Held that is not signed by one of Keys.
// What is wrong with the ledger itself is in the report.
func Verify(ctx context.Context, r *ledger.Reader, opts VerifyOptions) (*Report, error) {
	if len(opts.Keys) == 0 {
		return nil, errors.New("seal: Verify needs a public key")
	}
	if opts.Files == nil {
		opts.Files = OpenDir(filepath.Join(r.Dir(), DirName))
	}
	v := &verifier{VerifyOptions: opts, reader: r, report: &Report{Dir: r.Dir()}}
	v.align.report = v.add
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	v.report.Findings = append(v.report.Findings, findings(v.differences)...)
	return v.report, nil
}

// verifier is one call of Verify.
type verifier struct {
	VerifyOptions

	reader      *ledger.Reader
	report      *Report
	gaps        gaps
	differences []difference

	sealed   *sealedTree // nil if no checkpoint's tiles are there
	base     int64       // the size of sealed, or 0
	first    int64       // the first leaf of the ledger
	align    aligner
	wanted   int64         // the first leaf that was not given to align
	above    tree          // continues sealed with the leaves of the ledger
	next     int64         // the leaf after the last one of the ledger
	complete bool          // above has all leaves so far
	expected []expectation // of above
}

// add adds a difference.
func (v *verifier) add(d difference) {
	if len(v.differences) >= MaxFindings {
		v.report.More++
		return
	}
	v.differences = append(v.differences, d)
}

func (v *verifier) bad(format string, args ...any) {
	v.add(difference{kind: BadCheckpoint, detail: fmt.Sprintf(format, args...)})
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.open(); err != nil {
		return err
	}
	read := int64(0)
	err := hashLedger(ctx, v.reader, v.report.First, v.gaps, v.Entry, func(seq uint64) {
		v.report.Last = max(v.report.Last, seq)
	}, func(b *batch) error {
		v.compare(b)
		read += int64(len(b.items))
		if v.Progress != nil && b.tile%16 == 0 {
			v.Progress(read)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	v.report.Entries = read
	v.finish()
	return nil
}

// open reads the checkpoints, and finds the tiles that belong to one of them.
func (v *verifier) open() error {
	first, err := v.reader.First()
	if err != nil {
		return err
	}
	v.report.First, v.report.Last = first, first-1
	if v.gaps, err = loadGaps(v.Files); err != nil {
		v.bad("the file %s is missing or damaged", gapsName)
	}
	v.report.Gaps = v.gaps
	if err := v.openCheckpoints(); err != nil {
		return err
	}
	v.first, _ = v.gaps.leaf(first)
	v.wanted, v.next = v.first, v.first
	if from := max(v.From, 1); first > from {
		v.add(difference{kind: Missing, first: from, last: first - 1, detail: "the ledger begins later: retention has removed the entries, or somebody else has"})
	}
	v.complete = v.sealed != nil || v.first == 0
	if v.sealed != nil {
		v.above.size = v.sealed.size
		for _, tile := range v.sealed.edge {
			v.above.edge = append(v.above.edge, append(make([]Hash, 0, tileWidth), tile...))
		}
	}
	return nil
}

// openCheckpoints opens the checkpoints, and the tree of the larger one whose tiles are there.
func (v *verifier) openCheckpoints() error {
	id, err := v.reader.ID()
	if err != nil {
		return err
	}
	if v.Held != nil {
		held, err := OpenCheckpoint(v.Held, v.Keys...)
		if err != nil {
			return fmt.Errorf("seal: the checkpoint that was held outside: %w", err)
		}
		v.report.Held = &held
	}
	if signed, err := v.Files.Read(checkpointName); err != nil {
		v.bad("that of the directory cannot be read")
	} else if own, err := OpenCheckpoint(signed, v.Keys...); err != nil {
		v.bad("that of the directory is not signed by a trusted key")
	} else {
		v.report.Own = &own
	}
	held, own := v.report.Held, v.report.Own
	for _, c := range []*Checkpoint{own, held} {
		if c != nil && !originOf(c.Origin, id) {
			v.bad("%q is that of another ledger; this one has the ID %x", c.Origin, id)
		}
	}
	if held != nil && own != nil && held.Origin != own.Origin {
		v.bad("the one that was held outside is of %q, and that of the directory of %q", held.Origin, own.Origin)
	}
	v.openCosigned(id)
	for _, e := range bySize(own, held, v.report.Cosigned) {
		if v.sealed == nil {
			if tree, ok := openSealedTree(v.Files, &e.Checkpoint); ok {
				v.sealed, v.base = tree, tree.size
				continue
			}
			v.expected = append([]expectation{e}, v.expected...)
			continue
		}
		if root, ok := v.sealed.rootAt(e.Size); !ok {
			v.bad("the tiles of the directory do not show the tree of %d leaves that the one of the %s is of", e.Size, e.source)
		} else if root != e.Root {
			v.bad("the one of the %s (%d leaves) contradicts that of %d leaves: a private key was misused, or a backup was restored", e.source, e.Size, v.base)
		}
	}
	return nil
}

// openCosigned opens the largest checkpoint that enough witnesses have cosigned.
func (v *verifier) openCosigned(id [16]byte) {
	if v.Quorum == nil {
		return
	}
	kept := loadCosigned(v.Files, v.Keys...)
	var missing error
	for _, c := range []*Checkpoint{v.report.Held, v.report.Own, &kept} {
		if c == nil || c.Note == nil || !originOf(c.Origin, id) {
			continue
		}
		if err := v.Quorum.Check(c.Note); err != nil {
			missing = err
		} else if v.report.Cosigned == nil || c.Size > v.report.Cosigned.Size {
			v.report.Cosigned = c
		}
	}
	switch {
	case v.report.Cosigned == nil && missing == nil:
		v.bad("there is none that witnesses could have cosigned")
	case v.report.Cosigned == nil:
		v.bad("none has enough cosignatures: %v", missing)
	}
}

// bySize returns the checkpoints, the larger one first.
func bySize(own, held, cosigned *Checkpoint) (all []expectation) {
	for _, e := range []struct {
		*Checkpoint

		source string
	}{{own, sourceDirectory}, {held, sourceAnchor}, {cosigned, sourceWitnesses}} {
		known := func(other expectation) bool { return e.Checkpoint == cosigned && other.sameTree(*cosigned) }
		if e.Checkpoint != nil && !slices.ContainsFunc(all, known) {
			all = append(all, expectation{*e.Checkpoint, e.source})
		}
	}
	slices.SortStableFunc(all, func(a, b expectation) int { return cmp.Compare(b.Size, a.Size) })
	return all
}

// compare compares leaves of the ledger with those that were sealed.
func (v *verifier) compare(b *batch) {
	v.report.Last = max(v.report.Last, b.items[len(b.items)-1].last)
	end := (b.tile + 1) * tileWidth
	if v.align.idle() && b.full && v.wanted == b.tile*tileWidth && end <= v.base {
		if h, ok := v.sealed.tileHash(0, b.tile); ok && h == b.hash {
			v.wanted, v.next = end, end
			return
		}
	}
	if v.wanted < v.base || len(v.align.sealed) > 0 {
		v.align.found = append(v.align.found, b.items...)
		v.want(end, b)
		v.align.run(false)
	}
	if v.wanted == v.base && len(v.align.sealed) == 0 {
		v.align.found = nil // what follows was not sealed yet
	}
	v.extend(b)
}

// want gives the sealed leaves before one to align. If the file of a tile is missing or altered,
// the leaves of the ledger itself may show that they are the ones that were sealed.
func (v *verifier) want(end int64, b *batch) {
	for end = min(end, v.base); v.wanted < end; {
		n := v.wanted / tileWidth
		hashes, ok := v.sealed.tile(0, n)
		if h, known := v.sealed.tileHash(0, n); !ok && known && b != nil && b.tile == n && b.full && b.hash == h {
			hashes, ok = b.hashes(), true
		}
		stop := min(end, (n+1)*tileWidth)
		if !ok {
			v.add(difference{
				kind: Altered, first: v.gaps.seq(v.wanted), last: v.gaps.seq(stop) - 1,
				detail: "at least one of them; the tile that would tell which is missing or altered too",
			})
		}
		for ; v.wanted < stop; v.wanted++ {
			i := item{first: v.gaps.seq(v.wanted), last: v.gaps.seq(v.wanted+1) - 1, unknown: !ok}
			if ok {
				i.hash = hashes[v.wanted%tileWidth]
			}
			v.align.sealed = append(v.align.sealed, i)
		}
		v.align.run(false)
	}
}

// extend adds the leaves above what was sealed to a tree, which larger checkpoints must meet.
func (v *verifier) extend(b *batch) {
	for i := range b.items {
		leaf, _ := v.gaps.leaf(b.items[i].first)
		if leaf < v.above.size {
			v.next = leaf + 1
			continue
		}
		v.complete = v.complete && leaf == v.above.size
		v.next = leaf + 1
		if !v.complete {
			continue
		}
		v.above.add(b.items[i].hash)
		v.meet()
	}
}

// meet compares the tree with the checkpoints of its size.
func (v *verifier) meet() {
	for len(v.expected) > 0 && v.expected[0].Size == v.above.size {
		e := v.expected[0]
		v.expected = v.expected[1:]
		if v.above.root() != e.Root {
			v.add(difference{
				kind: Altered, first: max(v.gaps.seq(v.base), v.report.First), last: v.gaps.seq(e.Size) - 1,
				detail: fmt.Sprintf("they are not those of the checkpoint of the %s, and its tiles are missing or altered", e.source),
			})
		}
	}
}

// finish compares what is left at the end.
func (v *verifier) finish() {
	if v.base > v.wanted {
		v.want(v.base, nil)
	}
	v.align.run(true)
	v.meet()
	for _, e := range v.expected {
		first := max(v.gaps.seq(max(v.next, v.base)), v.report.Last+1)
		if last := v.gaps.seq(e.Size) - 1; last >= first {
			v.add(difference{kind: Missing, first: first, last: last, detail: "the checkpoint of the " + e.source + " covers them"})
			continue
		}
		v.add(difference{
			kind: Altered, first: max(v.gaps.seq(v.base), v.report.First), last: v.gaps.seq(e.Size) - 1,
			detail: fmt.Sprintf("entries are missing, and the tiles of the checkpoint of the %s too", e.source),
		})
	}
	if v.report.Held != nil {
		v.report.Proved = v.gaps.seq(v.report.Held.Size) - 1
	}
	if v.report.Own != nil {
		v.report.Sealed = v.gaps.seq(v.report.Own.Size) - 1
	}
	if v.report.Cosigned != nil {
		v.report.Witnessed = v.gaps.seq(v.report.Cosigned.Size) - 1
	}
	v.report.Sealed = max(v.report.Sealed, v.report.Proved, v.report.Witnessed)
}
