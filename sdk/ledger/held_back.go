package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// heldBack returns an error that says what keeps retention from removing the oldest
// segment, or nil. mu is held.
func (l *Ledger) heldBack() error {
	oldest := l.extents[0]
	if l.config.maxSize == 0 || l.bytes < l.config.maxSize/2 || len(l.extents) == 1 {
		return nil
	}
	if !l.config.retain {
		return fmt.Errorf("ledger: %s has reached WithMaxSize, and nothing may be removed from it; allow that with WithRetention", l.dir.Path())
	}
	var names []string
	for name, c := range l.cursors {
		if c.committed < oldest.next-1 {
			names = append(names, fmt.Sprintf("%s (at entry %d of %d)", name, c.committed, l.synced))
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		return fmt.Errorf("ledger: %s is full of entries that these cursors have not passed: %s; see why their consumers do not continue, or remove a cursor that nobody uses any more with RemoveCursor, or deed ledger remove-cursor",
			l.dir.Path(), strings.Join(names, ", "))
	}
	if l.pairs.savedSeq < oldest.next-1 {
		return fmt.Errorf("ledger: %s is full of entries that were not yet searched for open pairs", l.dir.Path())
	}
	return nil
}
