package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/opendeed/audit/internal/errtree"
)

// salvageHint is what to do about a ledger that cannot be opened.
const salvageHint = "copy the directory; then restore a backup, or run deed ledger repair, or open the ledger once with ledger.WithSalvage: both keep everything that can be read, and name what is lost"

// suggestSalvage adds salvageHint to the damage in err.
func suggestSalvage(err error) error {
	for _, e := range errtree.All[*CorruptError](err) {
		if e.Hint == "" {
			e.Hint = salvageHint
		}
	}
	return err
}

// damagedSuffix is added to the name of a file that was replaced because it was damaged.
const damagedSuffix = ".damaged"

// setAside renames a damaged file, so that it can be replaced and is still there to be
// examined.
func setAside(dir fileSystem, name string) error {
	aside := name + damagedSuffix
	for i := 2; ; i++ {
		err := dir.Rename(name, aside)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		aside = fmt.Sprintf("%s%s-%d", name, damagedSuffix, i)
	}
}

// salvageState replaces a lost state by what the segments say. Without WithSalvage it
// returns the damage.
func (l *Ledger) salvageState(damage error) error {
	if !l.config.salvage {
		return damage
	}
	s, err := stateFromSegments(l.dir)
	if errors.Is(err, errNoLedger) {
		s, err = newState(), nil
	}
	if err != nil {
		return err
	}
	if err := setAside(l.dir, stateFileName); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	s.owner = l.ownership.id
	if l.stateSlots, err = createSlotFile(l.dir, stateFileName, s.encode()); err != nil {
		return err
	}
	l.ownership.generation.Store(l.stateSlots.generation)
	l.ages = newAgeClock(&s, &l.config)
	l.state, l.id, l.lastNumber = s, s.id, s.newest
	l.recovered.Crashed = true
	l.recovered.Damage = append(l.recovered.Damage, damage)
	if s.first > 1 {
		l.recovered.Damage = append(l.recovered.Damage, &CorruptError{
			File: stateFileName, First: 1, Last: s.first - 1,
			Reason: "nobody knows whether retention removed the entries before the oldest segment, or they are lost",
		})
	}
	return nil
}

// checkDamage returns the damage to segment headers as an error, except what an earlier
// salvage has accepted. With WithSalvage it adds the damage to the Recovery instead.
func (l *Ledger) checkDamage(c *catalog) error {
	if len(c.extents) > 0 && c.extents[0].first > l.state.first {
		removed := missingSegment(l.state.oldest)
		removed.First, removed.Last = l.state.first, c.extents[0].first-1
		c.damage = append(c.damage, removed)
	}
	accepted, err := readLosses(l.dir)
	if err != nil {
		return err
	}
	var damage []error
	for _, err := range c.damage {
		corrupt, ok := errors.AsType[*CorruptError](err)
		if !ok || !accepted[lossKey{corrupt.File, corrupt.Reason}] {
			damage = append(damage, err)
		}
	}
	if len(damage) > 0 && !l.config.salvage {
		return errors.Join(damage...)
	}
	l.recovered.Damage = append(l.recovered.Damage, damage...)
	return nil
}

// finishSalvage completes the list of damage. After a salvage it reads the whole ledger,
// so that the list names every entry that is lost, and stores it.
func (l *Ledger) finishSalvage() error {
	damage := l.recovered.Damage
	if len(damage) > 0 {
		w := walker{source: l, next: l.floor}
		found, err := w.readAll(func([]byte, frameHeader) {})
		if err != nil {
			return errors.Join(err, w.closeSegment())
		}
		l.recovered.Damage = mergeDamage(damage, found)
		if err := errors.Join(w.closeSegment(), l.storeLosses(append(damage, found...))); err != nil {
			return err
		}
	}
	for _, c := range l.cursors {
		if c.damage != nil {
			l.recovered.Damage = append(l.recovered.Damage, c.damage)
		}
	}
	for _, err := range l.recovered.Damage {
		for _, corrupt := range errtree.All[*CorruptError](locate(err, l.dir.Path())) {
			l.addDamage(corrupt)
		}
	}
	return nil
}

// mergeDamage returns the damage that was found by opening the ledger and by reading it.
// If both found the same, the latter names the entries.
func mergeDamage(opening, reading []error) []error {
	named := map[string]bool{}
	for _, err := range reading {
		if corrupt, ok := errors.AsType[*CorruptError](err); ok {
			named[corrupt.File] = true
		}
	}
	var all []error
	for _, err := range opening {
		corrupt, ok := errors.AsType[*CorruptError](err)
		if !ok || corrupt.First != 0 || !named[corrupt.File] {
			all = append(all, err)
		}
	}
	for _, err := range reading {
		if !covered(err, all) {
			all = append(all, err)
		}
	}
	return all
}

// covered reports whether the entries of an error are among those of others.
func covered(err error, others []error) bool {
	lost, ok := errors.AsType[*CorruptError](err)
	if !ok {
		return false
	}
	for _, err := range others {
		other, ok := errors.AsType[*CorruptError](err)
		if ok && other.First != 0 && other.First <= lost.First && lost.Last <= other.Last {
			return true
		}
	}
	return false
}

// readAll passes all frames that can be read to use, and returns the damage between them.
func (w *walker) readAll(use func(frame []byte, h frameHeader)) (damage []error, err error) {
	for {
		frame, h, found, err := w.walk()
		switch {
		case err != nil && isLoss(err):
			damage = append(damage, err)
		case err != nil || !found:
			return damage, err
		default:
			use(frame, h)
		}
	}
}

// lossesFileName is the file in which a salvage stores what is lost, a JSON object in
// each line. Open accepts this damage from then on; readers still report it.
const lossesFileName = "losses"

// loss is a line of the file.
type loss struct {
	Found  time.Time  `json:"found"`
	File   string     `json:"file"`
	Offset int64      `json:"offset"`
	First  uint64     `json:"first,omitempty"`
	Last   uint64     `json:"last,omitempty"`
	After  *time.Time `json:"after,omitempty"`
	Before *time.Time `json:"before,omitempty"`
	Reason string     `json:"reason"`
}

// lossKey identifies damage that was accepted.
type lossKey struct{ file, reason string }

// storeLosses appends the damage to the file.
func (l *Ledger) storeLosses(damage []error) (err error) {
	var lines []byte
	for _, err := range damage {
		corrupt, ok := errors.AsType[*CorruptError](err)
		if !ok {
			continue
		}
		line, err := json.Marshal(loss{
			Found: time.Now().UTC(), File: corrupt.File, Offset: corrupt.Offset, First: corrupt.First, Last: corrupt.Last,
			After: unlessZero(corrupt.After), Before: unlessZero(corrupt.Before), Reason: corrupt.Reason,
		})
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	l.scrubbed = scrubResult{} // it was about what is repaired now
	if err := removeIfExists(l.dir, scrubFileName); err != nil {
		return err
	}
	f, err := l.dir.Open(lossesFileName)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = l.dir.Create(lossesFileName)
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), l.dir.Sync()) }()
	end, err := f.Size()
	if err == nil {
		_, err = f.WriteAt(lines, end)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("ledger: write %s: %w", lossesFileName, err)
	}
	return nil
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// readLosses returns the damage that earlier salvages have accepted. It ignores lines
// that it cannot read: their damage is then reported again.
func readLosses(dir fileSystem) (map[lossKey]bool, error) {
	f, err := dir.Open(lossesFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	size, err := f.Size()
	content := make([]byte, size)
	if err == nil && size > 0 {
		_, err = f.ReadAt(content, 0)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("ledger: read %s: %w", lossesFileName, err)
	}
	accepted := map[lossKey]bool{}
	for line := range strings.Lines(string(content)) {
		var known loss
		if json.Unmarshal([]byte(line), &known) == nil {
			accepted[lossKey{known.File, known.Reason}] = true
		}
	}
	return accepted, nil
}
