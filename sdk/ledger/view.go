package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"sync/atomic"
)

// view is what a Reader knows of the directory: the state and the segments. Only
// outdated changes.
type view struct {
	state     state
	value     []byte // the state as it was read; nil if it is lost
	lostState error  // a *CorruptError if the state is lost, and derived from the segments
	catalog   *catalog
	newest    uint64      // highest number of a segment file
	outdated  atomic.Bool // a segment has disappeared since
}

// maxLoadAttempts limits how often the files are read again after they changed in the
// meantime.
const maxLoadAttempts = 100

// errNoLedger is the error for a directory without a ledger.
var errNoLedger = errors.New("ledger: the directory has no ledger; pass the one that a writer opens")

// view returns the current view. It reads the segment headers only if something has
// changed. New segments are noticed if refresh is true, and otherwise when the writer has
// recorded them in the state.
func (r *Reader) view(refresh bool) (*view, error) {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if last != nil && !last.outdated.Load() && last.value != nil {
		unchanged, err := last.isCurrent(r.dir, refresh)
		if err != nil || unchanged {
			return last, err
		}
	}
	fresh, err := loadView(r.dir)
	if err != nil {
		return nil, err
	}
	_ = r.locate(fresh.lostState) // before others see it
	r.waypoints.forget(fresh.state.oldest)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = fresh
	return fresh, nil
}

// isCurrent reports whether neither the state nor, if files is true, the newest segment
// has changed.
func (v *view) isCurrent(dir fileSystem, files bool) (bool, error) {
	value, _, err := readState(dir)
	if isCorrupt(err) || errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Equal(value, v.value) {
		return false, nil // or it is being written
	}
	if err != nil || !files {
		return err == nil, err
	}
	names, err := dir.List()
	return err == nil && newestNumber(names) == v.newest, err
}

// newestNumber returns the highest number of a segment file, or 0.
func newestNumber(names []string) uint64 {
	numbers := segmentFiles(names)
	if len(numbers) == 0 {
		return 0
	}
	return numbers[len(numbers)-1]
}

// loadView reads the state and the segment headers. It starts again if retention removes
// a segment meanwhile.
func loadView(dir fileSystem) (*view, error) {
	for attempt := 1; ; attempt++ {
		v := &view{}
		err := v.load(dir)
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, errSegmentRemoved) || attempt == maxLoadAttempts {
			return nil, err
		}
	}
}

func (v *view) load(dir fileSystem) error {
	err := v.loadState(dir)
	if err != nil {
		return err
	}
	if v.catalog, err = loadCatalog(dir, &v.state); err != nil {
		return err
	}
	v.newest = v.catalog.newestFile
	if v.lostState == nil && v.catalog.startsAfter(v.state.first) {
		floor := v.state.first
		if err := v.loadState(dir); err != nil {
			return err
		}
		if v.state.first != floor {
			return errSegmentRemoved
		}
	}
	return nil
}

// loadState reads the state until two consecutive reads agree, because a writer may
// replace both of its copies during one read. If the state is lost, it is derived from
// the segments.
func (v *view) loadState(dir fileSystem) error {
	var previous []byte
	for attempt, failures := 1, 0; attempt <= maxLoadAttempts; attempt++ {
		value, intact, err := readState(dir)
		if errors.Is(err, fs.ErrNotExist) {
			err = &CorruptError{File: stateFileName, Reason: "the file is missing"}
		}
		switch {
		case isCorrupt(err):
			if failures++; failures == lostAttempts {
				v.lostState = err
				v.state, err = stateFromSegments(dir)
				return err
			}
		case err != nil:
			return err
		case bytes.Equal(value, previous):
			v.value = value
			v.state, err = decodeState(value)
			v.state.distrust(intact)
			return err
		default:
			failures = 0
		}
		previous = value
	}
	return errors.New("ledger: the state changes too often to be read; try again")
}

// lostAttempts is how often a damaged state is read, in case it is being written.
const lostAttempts = 10

// readState returns the value of the state, and how many of its two copies are intact.
func readState(dir fileSystem) (value []byte, intact int, err error) {
	slots, value, err := openSlotFile(dir, stateFileName)
	if err != nil {
		return nil, 0, err
	}
	return value, slots.intact, slots.file.Close()
}

// missingNewest returns the error for a missing newest segment, or nil. No other segment
// refers to it.
func (v *view) missingNewest() *CorruptError {
	if newest := v.catalog.newest; newest != nil && newest.number >= v.state.newest {
		return nil
	}
	for _, err := range v.catalog.damage {
		if corrupt, ok := errors.AsType[*CorruptError](err); ok && corrupt.File == segmentName(v.state.newest) {
			missing := *corrupt
			return &missing
		}
	}
	return nil
}
