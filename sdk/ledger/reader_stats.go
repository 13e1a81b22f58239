package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opendeed/audit/internal/names"
)

// Stats returns the statistics of the ledger at this moment, also beside its writer. It
// reads the last segment, whose end nothing else says, and counts entries that may not be
// synced yet. Damaged is the number of damaged or missing segment headers and cursors that
// this finds; reading all entries finds more. A damaged cursor is not in Cursors.
func (r *Reader) Stats() (Stats, error) {
	cursors, damaged, err := r.readCursors()
	if err != nil {
		return Stats{}, r.locate(err)
	}
	v, err := r.view(true)
	if err != nil {
		return Stats{}, r.locate(err)
	}
	s := Stats{First: v.state.first, Next: v.state.first, Segments: len(v.catalog.extents), Cursors: cursors, Damaged: damaged + len(v.catalog.damage)}
	if scrub, ok := readScrubResult(r.dir, v.state.id); ok {
		s.Scrubbed, s.ScrubDamaged = scrub.ended, scrub.damaged
	}
	for _, e := range v.catalog.extents {
		if e.next == 0 || e.loose {
			end, next, err := r.measure(v, e)
			if err != nil {
				return Stats{}, r.locate(err)
			}
			e.end, e.next = end, max(next, e.next)
		}
		s.Bytes += e.end
		s.Next = e.next
	}
	return s, nil
}

// measure returns the end of the intact frames of a segment, and the sequence number of the
// entry after them.
func (r *Reader) measure(v *view, e extent) (end int64, next uint64, err error) {
	s, err := openFrames(r.dir, v.state.id, e)
	if err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	frames := newScanner(s, e.end)
	for {
		found, scanErr := frames.scanAny()
		if scanErr != nil && !isCorrupt(scanErr) && !errors.Is(scanErr, errTorn) {
			err = scanErr
		}
		if !found || scanErr != nil {
			return frames.offset, frames.next, errors.Join(err, s.file.Close())
		}
	}
}

// readCursors returns the committed position of each cursor, and how many cursors are
// damaged.
func (r *Reader) readCursors() (committed map[string]uint64, damaged int, err error) {
	files, err := r.dir.List()
	if err != nil {
		return nil, 0, err
	}
	v, err := r.view(false)
	if err != nil {
		return nil, 0, err
	}
	committed = map[string]uint64{}
	for _, file := range files {
		name, ok := strings.CutSuffix(file, cursorSuffix)
		if !ok || !names.Valid(name) {
			continue
		}
		s, value, err := openSlotFile(r.dir, file)
		if err == nil {
			err = s.file.Close()
		}
		var seq uint64
		if err == nil {
			seq, _, err = decodeCursor(value, v.state.id, file)
		}
		switch {
		case isCorrupt(err):
			damaged++
		case err != nil:
			return nil, 0, err
		default:
			committed[name] = seq
		}
	}
	return committed, damaged, nil
}
