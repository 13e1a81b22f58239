package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/opendeed/audit/internal/names"
)

// CopyTo copies the ledger to a directory, which must be empty or not exist, and returns
// what the copy has. It may run beside the writer: the copy is the ledger of one moment,
// with the same sequence numbers, cursors and identity. Without sidecars, which can be made
// again.
//
// The copy is a backup. Never write to the original and to the copy: both would use the
// same sequence numbers for different entries. Damage is copied as it is.
//
// If CopyTo fails or ctx ends, the directory has no ledger: its state comes last.
func (r *Reader) CopyTo(ctx context.Context, dir string) (Stats, error) {
	to, err := createDir(dir, access{})
	if err != nil {
		return Stats{}, err
	}
	if _, err = to.Lock(); err == nil {
		err = r.copyTo(ctx, to)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return Stats{}, r.locate(fmt.Errorf("ledger: copy %s to %s: %w", r.dir.Path(), dir, err))
	}
	copied, err := OpenReader(dir)
	if err != nil {
		return Stats{}, err
	}
	stats, err := copied.Stats()
	return stats, errors.Join(err, copied.Close())
}

func (r *Reader) copyTo(ctx context.Context, to fileSystem) error {
	existing, err := to.List()
	if err != nil {
		return err
	}
	for _, name := range existing {
		if name != lockFileName {
			return errors.New("the directory is not empty; name one that does not exist")
		}
	}
	// Cursors first: none is past the end that is found later.
	if err := r.copyCursors(to); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		v, err := r.view(true)
		if err != nil {
			return err
		}
		s, err := r.copySegments(ctx, v, to)
		if errors.Is(err, errSegmentRemoved) && attempt < maxLoadAttempts {
			continue
		}
		if err == nil {
			err = r.copyFile(lossesFileName, to)
		}
		if err == nil {
			var slots *slotFile
			if slots, err = createSlotFile(to, stateFileName, s.encode()); err == nil {
				err = slots.file.Close()
			}
		}
		return err
	}
}

func (r *Reader) copyCursors(to fileSystem) error {
	files, err := r.dir.List()
	if err != nil {
		return err
	}
	for _, file := range files {
		name, ok := strings.CutSuffix(file, cursorSuffix)
		if !ok || !names.Valid(name) {
			continue
		}
		from, value, err := openSlotFile(r.dir, file)
		if isCorrupt(err) || errors.Is(err, fs.ErrNotExist) {
			continue // its consumer begins anew, as with the original
		}
		if err != nil {
			return err
		}
		created, err := createSlotFile(to, file, value)
		if err == nil {
			err = created.file.Close()
		}
		if err := errors.Join(err, from.file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// copySegments copies the segments of a view, and returns the state of the copy. Those that
// an earlier attempt has copied stay, unless retention has removed them since.
func (r *Reader) copySegments(ctx context.Context, v *view, to fileSystem) (state, error) {
	s := v.state
	s.owner = ownerID{}
	if len(v.catalog.extents) == 0 {
		return s, nil
	}
	first := v.catalog.extents[0]
	existing, err := to.List()
	if err != nil {
		return s, err
	}
	copied := map[uint64]bool{}
	for _, number := range segmentFiles(existing) {
		if copied[number] = number >= first.number; !copied[number] {
			if err := to.Remove(segmentName(number)); err != nil {
				return s, err
			}
		}
	}
	for _, e := range v.catalog.extents {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if copied[e.number] {
			continue
		}
		if e.open && e.next == 0 {
			if e.end, _, err = r.measure(v, e); err != nil {
				return s, removedError(err)
			}
		}
		if err := r.copySegment(e, to); err != nil {
			return s, removedError(err)
		}
	}
	if newest := v.catalog.newest; newest != nil && newest.number >= s.newest {
		s.newest = newest.number
	}
	return s, nil
}

// removedError returns errSegmentRemoved for a file that does not exist.
func removedError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errSegmentRemoved
	}
	return err
}

// copySegment copies a segment up to its end. Zeros follow, as in one that is new.
func (r *Reader) copySegment(e extent, to fileSystem) (err error) {
	name := segmentName(e.number)
	from, err := r.dir.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	size, err := from.Size()
	if err != nil {
		return err
	}
	temporary := name + temporarySuffix
	if err := removeIfExists(to, temporary); err != nil {
		return err
	}
	if err := createZeroFile(to, temporary, size); err != nil {
		return err
	}
	if err := copyRange(from, to, temporary, min(e.end, size)); err != nil {
		return fmt.Errorf("ledger: copy %s: %w", name, err)
	}
	return errors.Join(to.Rename(temporary, name), to.Sync())
}

// copyRange copies the beginning of a file.
func copyRange(from file, to fileSystem, name string, end int64) (err error) {
	f, err := to.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffer := make([]byte, fillSize)
	for at := int64(0); at < end; {
		part := buffer[:min(end-at, fillSize)]
		n, err := from.ReadAt(part, at)
		if n < len(part) {
			if isShortRead(err) {
				err = fs.ErrInvalid // it became shorter meanwhile
			}
			return err
		}
		if _, err := f.WriteAt(part, at); err != nil {
			return err
		}
		at += int64(n)
	}
	return f.Sync()
}

// copyFile copies a small file, if it exists.
func (r *Reader) copyFile(name string, to fileSystem) error {
	from, err := r.dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := from.Size()
	if err == nil {
		err = createZeroFile(to, name, 0)
	}
	if err == nil {
		err = copyRange(from, to, name, size)
	}
	return errors.Join(err, from.Close())
}
