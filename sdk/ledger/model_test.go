package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// model records what a ledger must and may contain.
type model struct {
	acked  map[uint64]string // entries for which Append returned nil, by sequence number
	maybe  [][]string        // entries for which it returned ErrMaybeStored
	synced uint64            // last entry that must survive a power cut

	attempted uint64 // highest position passed to Commit
	committed uint64 // highest position for which Commit returned nil
}

func newModel() *model { return &model{acked: map[uint64]string{}} }

// appended records the result of an Append.
func (m *model) appended(entries []string, first uint64, err error, strict bool) error {
	switch {
	case err == nil:
		for i, e := range entries {
			seq := first + uint64(i)
			if m.acked[seq] != "" {
				return fmt.Errorf("sequence number %d was returned twice", seq)
			}
			m.acked[seq] = e
		}
		if strict {
			m.synced = max(m.synced, first+uint64(len(entries))-1)
		}
	case errors.Is(err, ErrMaybeStored):
		m.maybe = append(m.maybe, entries)
	}
	return nil
}

// last returns the sequence number of the last acknowledged entry.
func (m *model) last() uint64 {
	if len(m.acked) == 0 {
		return 0
	}
	return slices.Max(slices.Collect(maps.Keys(m.acked)))
}

// powerFailed records a power cut after which the next entry of the ledger is next.
func (m *model) powerFailed(next uint64) error {
	if next <= m.synced {
		return fmt.Errorf("the next entry is %d, but all up to %d were synced", next, m.synced)
	}
	maps.DeleteFunc(m.acked, func(seq uint64, _ string) bool { return seq >= next })
	return nil
}

// check compares all readable entries, which begin with number first, with the model.
func (m *model) check(first uint64, got []string) error {
	if first > m.attempted+1 {
		return fmt.Errorf("the oldest entry is %d, but the cursor has not passed %d", first, m.attempted+1)
	}
	maybe := slices.Clone(m.maybe)
	for i := 0; i < len(got); {
		seq := first + uint64(i)
		if want, ok := m.acked[seq]; ok {
			if want != got[i] {
				return fmt.Errorf("entry %d is %.20q, but was acknowledged as %.20q", seq, got[i], want)
			}
			i++
			continue
		}
		at := slices.IndexFunc(maybe, func(entries []string) bool {
			return len(entries) <= len(got)-i && slices.Equal(entries, got[i:i+len(entries)])
		})
		if at < 0 {
			return fmt.Errorf("entry %d is %.20q, which should not exist", seq, got[i])
		}
		i += len(maybe[at])
		maybe = slices.Delete(maybe, at, at+1)
	}
	if last := m.last(); first+uint64(len(got)) <= last {
		return fmt.Errorf("entries from %d to %d are missing", first+uint64(len(got)), last)
	}
	return nil
}

// checkEntry checks a single entry that was read.
func (m *model) checkEntry(e Entry) error {
	want, ok := m.acked[e.Seq]
	if ok && want == string(e.Data) {
		return nil
	}
	for _, entries := range m.maybe {
		if !ok && slices.Contains(entries, string(e.Data)) {
			return nil
		}
	}
	return fmt.Errorf("entry %d is %.20q, which was not stored there", e.Seq, e.Data)
}
