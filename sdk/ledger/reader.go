package ledger

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
)

// Reader reads a ledger, also while a writer has it open. It modifies nothing, so the
// directory may be read-only. Its methods are safe for concurrent use.
type Reader struct {
	dir fileSystem
}

// OpenReader opens the ledger in dir for reading. The error matches fs.ErrNotExist if
// dir has no ledger.
func OpenReader(dir string) (*Reader, error) {
	d, err := openDir(dir, true)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: d}
	if _, err := r.load(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return r, nil
}

// Close releases the reader's resources. All iterations must have ended.
func (r *Reader) Close() error { return r.dir.Close() }

// Entries returns an iterator over the entries from the given sequence number on, or
// from the oldest entry if that is later. It ends after the last entry that exists
// when the iteration gets there, which may not be synced yet. An entry's Data is valid
// only until the next iteration step.
//
// If entries cannot be read, Entries yields a *CorruptError with their sequence
// numbers and continues after the damage. Any other error, from the system or from
// ctx, ends the iteration.
func (r *Reader) Entries(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		source, err := r.load()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		w := walker{source: source, next: max(from, source.catalog.floor, 1)}
		defer func() { _ = w.closeSegment() }() // opened for reading only
		for {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			seq := w.next
			frame, h, found, err := w.walk()
			if err != nil {
				if _, damaged := errors.AsType[*CorruptError](err); !yield(Entry{}, err) || !damaged {
					return
				}
				continue
			}
			if !found {
				source.yieldMissingNewest(yield)
				return
			}
			if !yieldEntries(frame, h, seq, yield) {
				return
			}
		}
	}
}

// readerSource implements source for one iteration of a Reader.
type readerSource struct {
	dir     fileSystem
	state   state
	catalog *catalog
}

// maxLoadAttempts limits how often the files are read again after they changed in the
// meantime.
const maxLoadAttempts = 100

// load reads the state and the segment headers. It starts again if retention removes a
// segment meanwhile.
func (r *Reader) load() (*readerSource, error) {
	for attempt := 1; ; attempt++ {
		s := &readerSource{dir: r.dir}
		err := s.load()
		if !errors.Is(err, errSegmentRemoved) || attempt == maxLoadAttempts {
			return s, err
		}
	}
}

func (s *readerSource) load() error {
	err := s.loadState()
	if err != nil {
		return err
	}
	if s.catalog, err = loadCatalog(s.dir, &s.state); err != nil {
		return err
	}
	if floor := s.state.first; s.catalog.startsAfter(floor) {
		if err := s.loadState(); err != nil {
			return err
		}
		if s.state.first != floor {
			return errSegmentRemoved
		}
	}
	return nil
}

// loadState reads the state until two consecutive reads agree, because a writer may
// replace both of its copies during one read.
func (s *readerSource) loadState() error {
	var previous, value []byte
	var err error
	for range maxLoadAttempts {
		previous = value
		value, err = readState(s.dir)
		if _, torn := errors.AsType[*CorruptError](err); err != nil && !torn {
			return err
		}
		if err == nil && bytes.Equal(value, previous) {
			s.state, err = decodeState(value)
			return err
		}
	}
	return err
}

func readState(dir fileSystem) ([]byte, error) {
	slots, value, err := openSlotFile(dir, stateFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(errors.New("ledger: the directory has no ledger"), err)
	}
	if err != nil {
		return nil, err
	}
	return value, slots.file.Close()
}

// yieldMissingNewest yields the error for a missing newest segment. No other segment
// refers to it.
func (s *readerSource) yieldMissingNewest(yield func(Entry, error) bool) {
	if newest := s.catalog.newest; newest != nil && newest.number >= s.state.newest {
		return
	}
	for _, err := range s.catalog.damage {
		if corrupt, ok := errors.AsType[*CorruptError](err); ok && corrupt.File == segmentName(s.state.newest) {
			if !yield(Entry{}, err) {
				return
			}
		}
	}
}

func (s *readerSource) find(seq uint64, refresh bool) (e extent, floor uint64, ok bool, err error) {
	if refresh {
		r := Reader{dir: s.dir}
		fresh, err := r.load()
		if err != nil {
			return e, 0, false, err
		}
		*s = *fresh
	}
	e, ok = s.catalog.find(seq)
	return e, s.catalog.floor, ok, nil
}

func (s *readerSource) open(number uint64) (*segment, error) {
	seg, err := openSegment(s.dir, s.state.id, number)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errSegmentRemoved
	}
	return seg, err
}
