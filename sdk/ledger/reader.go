package ledger

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
)

// Reader reads a ledger, beside a live writer or after it. It changes nothing in the
// directory, which may be read-only. Its methods may be called by several goroutines
// at the same time.
type Reader struct {
	dir fileSystem
}

// OpenReader opens the ledger in dir for reading.
func OpenReader(dir string) (*Reader, error) {
	d, err := newDirectory(dir, true)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: d}
	if _, err := r.load(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return r, nil
}

// Close frees what the reader holds. Iterations must have ended.
func (r *Reader) Close() error { return r.dir.Close() }

// Entries returns the entries from a sequence number on, or from the oldest one if
// that is later, up to the last one that is there when the iteration comes to it.
// That may be one that the writer has not synced yet. Data is only valid until the
// iteration goes on.
//
// Where entries cannot be read it yields a *CorruptError with their numbers, and
// goes on behind them. Other errors, of the system or of ctx, end the iteration.
func (r *Reader) Entries(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		source, err := r.load()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		w := walker{source: source, next: max(from, source.catalogue.floor, 1)}
		defer func() { _ = w.leave() }() // was only read
		for {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			seq := w.next
			frame, h, more, err := w.walk()
			if err != nil {
				if _, damaged := errors.AsType[*CorruptError](err); !yield(Entry{}, err) || !damaged {
					return
				}
				continue
			}
			if !more {
				source.lost(yield)
				return
			}
			if !yieldEntries(frame, h, seq, yield) {
				return
			}
		}
	}
}

// yieldEntries yields the entries of a frame, from a sequence number on.
func yieldEntries(frame []byte, h frameHeader, from uint64, yield func(Entry, error) bool) bool {
	body := frame[frameHeaderSize : frameHeaderSize+int(h.body)]
	for seq := h.first; len(body) > 0; seq++ {
		var data []byte
		data, body = nextEntry(body)
		if seq >= from && !yield(Entry{Seq: seq, Data: data}, nil) {
			return false
		}
	}
	return true
}

// readerSource is the source of one iteration.
type readerSource struct {
	dir       fileSystem
	state     state
	catalogue *catalogue
}

// loadAttempts is how often the files are looked at anew because retention removed
// one meanwhile.
const loadAttempts = 100

func (r *Reader) load() (*readerSource, error) {
	for attempt := 1; ; attempt++ {
		s := &readerSource{dir: r.dir}
		err := s.load()
		if !errors.Is(err, errRemoved) || attempt == loadAttempts {
			return s, err
		}
	}
}

func (s *readerSource) load() error {
	err := s.loadState()
	if err != nil {
		return err
	}
	if s.catalogue, err = loadCatalogue(s.dir, &s.state); err != nil {
		return err
	}
	if floor := s.state.first; s.catalogue.lacks(floor) {
		if err := s.loadState(); err != nil {
			return err
		}
		if s.state.first != floor {
			return errRemoved
		}
	}
	return nil
}

// loadState reads the state until it is the same twice in a row: a writer may replace
// one copy and then the other in between.
func (s *readerSource) loadState() error {
	var before, value []byte
	var err error
	for range loadAttempts {
		before = value
		value, err = readState(s.dir)
		if _, torn := errors.AsType[*CorruptError](err); err != nil && !torn {
			return err
		}
		if err == nil && bytes.Equal(value, before) {
			s.state, err = decodeState(value)
			return err
		}
	}
	return err
}

func readState(dir fileSystem) ([]byte, error) {
	slots, value, err := openSlots(dir, stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(errors.New("ledger: there is no ledger in the directory"), err)
	}
	if err != nil {
		return nil, err
	}
	return value, slots.file.Close()
}

// lost yields that the newest segment is missing, which no other one tells.
func (s *readerSource) lost(yield func(Entry, error) bool) {
	if newest := s.catalogue.newest; newest != nil && newest.number >= s.state.newest {
		return
	}
	for _, err := range s.catalogue.damage {
		if corrupt, is := errors.AsType[*CorruptError](err); is && corrupt.Segment == segmentName(s.state.newest) {
			if !yield(Entry{}, err) {
				return
			}
		}
	}
}

func (s *readerSource) find(seq uint64, again bool) (e extent, floor uint64, ok bool, err error) {
	if again {
		r := Reader{dir: s.dir}
		fresh, err := r.load()
		if err != nil {
			return e, 0, false, err
		}
		*s = *fresh
	}
	e, ok = s.catalogue.find(seq)
	return e, s.catalogue.floor, ok, nil
}

func (s *readerSource) open(number uint64) (*segment, error) {
	seg, err := openSegment(s.dir, s.state.id, number)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errRemoved
	}
	return seg, err
}
