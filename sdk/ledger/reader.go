package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"sync"

	"github.com/opendeed/audit/internal/errtree"
)

// Reader reads a ledger, also while a writer has it open. It modifies nothing, so the
// directory may be read-only. Its methods are safe for concurrent use.
type Reader struct {
	dir       fileSystem
	waypoints waypoints
	zeros     *zeros // of a Reader that was opened again

	mu   sync.Mutex
	last *view // what view returned last
}

// OpenReader opens the ledger in dir for reading. The error matches fs.ErrNotExist if
// dir has no ledger. Of the options, WithGroupWritable matters to a reader.
func OpenReader(dir string, opts ...Option) (*Reader, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d, err := openDir(dir, access{readOnly: true, groupWritable: c.groupWritable})
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: d}
	if _, err := r.view(true); err != nil {
		return nil, errors.Join(r.locate(err), d.Close())
	}
	return r, nil
}

// Reopen opens the directory again, under the path that it had. The new Reader remembers what
// this one knows of the files, unless another directory is there now, and looks at them when it
// needs them. For 10 seconds at most, it does not read again what it knows to be empty after the
// last entry. This Reader may be closed.
func (r *Reader) Reopen() (*Reader, error) {
	old, ok := r.dir.(*osDir)
	if !ok {
		return nil, notOfSystem(r.dir.Path())
	}
	d, err := openDir(old.path, old.access)
	if err != nil {
		return nil, err
	}
	fresh := &Reader{dir: d, zeros: &zeros{}}
	if os.SameFile(d.info, old.info) {
		if r.zeros != nil {
			fresh.zeros = r.zeros
		}
		r.mu.Lock()
		fresh.last = r.last
		r.mu.Unlock()
	}
	return fresh, nil
}

// Close releases the reader's resources. All iterations must have ended.
func (r *Reader) Close() error { return r.dir.Close() }

// First returns the sequence number of the oldest entry that retention has not removed,
// or of the first entry that will be appended.
func (r *Reader) First() (uint64, error) {
	v, err := r.view(false)
	if err != nil {
		return 0, r.locate(err)
	}
	return v.state.first, nil
}

// Entries returns an iterator over the entries from the given sequence number on, or
// from the oldest entry if that is later. It ends after the last entry that exists
// when the iteration gets there, which may not be synced yet. An entry's Data is valid
// only until the next iteration step.
//
// If entries cannot be read, Entries yields a *CorruptError with their sequence
// numbers and continues after the damage. If the file state is lost, it yields a
// *CorruptError for that file first, and reads all segments. If retention removes
// entries before the iteration gets there, it yields a *RemovedError and continues with
// the oldest entry that is left. Any other error, from the system or from ctx, ends the
// iteration.
func (r *Reader) Entries(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r.walk(ctx, from, func(f Frame, seq uint64, err error) bool {
			if err != nil {
				return yield(Entry{}, err)
			}
			for e := range f.All() {
				if e.Seq >= seq && !yield(e, nil) {
					return false
				}
			}
			return true
		})
	}
}

// walk yields the frames that hold entries from the given one on, each with the sequence
// number of its first entry that was not yielded before, and damage.
func (r *Reader) walk(ctx context.Context, from uint64, yield func(Frame, uint64, error) bool) {
	v, err := r.view(false)
	if err != nil {
		yield(Frame{}, 0, r.locate(err))
		return
	}
	if v.lostState != nil && !yield(Frame{}, 0, r.locate(v.lostState)) {
		return
	}
	source := &readerSource{reader: r, view: v}
	w := walker{source: source, waypoints: &r.waypoints, zeros: r.zeros, next: max(from, v.catalog.floor, 1)}
	defer func() { _ = w.closeSegment() }() // opened for reading only
	for {
		if err := ctx.Err(); err != nil {
			yield(Frame{}, 0, err)
			return
		}
		seq := w.next
		frame, h, found, err := w.walk()
		switch {
		case err != nil:
			if !yield(Frame{}, 0, r.locate(err)) || !isLoss(err) {
				return
			}
		case !found:
			if missing := source.view.missingNewest(); missing != nil {
				missing.First, missing.After = w.next, timeOf(w.written)
				yield(Frame{}, 0, r.locate(missing))
			}
			return
		case !yield(w.frame(frame, &h), seq, nil):
			return
		}
	}
}

// isLoss reports whether err names entries that cannot be read, so that reading
// continues after them.
func isLoss(err error) bool {
	_, removed := errors.AsType[*RemovedError](err)
	return removed || isCorrupt(err)
}

// locate adds the directory to an error.
func (r *Reader) locate(err error) error { return locate(err, r.dir.Path()) }

// readerSource implements source for one iteration of a Reader.
type readerSource struct {
	reader *Reader
	view   *view
}

func (s *readerSource) find(seq uint64, refresh bool) (e extent, floor uint64, ok bool, err error) {
	if refresh {
		fresh, err := s.reader.view(true)
		if err != nil {
			return e, 0, false, err
		}
		s.view = fresh
	}
	e, ok = s.view.catalog.find(seq)
	return e, s.view.catalog.floor, ok, nil
}

func (s *readerSource) open(e extent) (*segment, error) {
	seg, err := openFrames(s.reader.dir, s.view.state.id, e)
	if errors.Is(err, fs.ErrNotExist) {
		s.view.outdated.Store(true)
		return nil, errSegmentRemoved
	}
	return seg, err
}

// locate adds the directory to the errors that have a place for it.
func locate(err error, dir string) error {
	for _, corrupt := range errtree.All[*CorruptError](err) {
		if corrupt.Dir == "" {
			corrupt.Dir = dir
		}
	}
	if removed, ok := errors.AsType[*RemovedError](err); ok {
		removed.Dir = dir
	}
	if errors.Is(err, errNoLedger) {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nameDir(err, dir)
}
