package index

// seqTable maps hashes to sequence numbers, which are not zero. A nil table is empty.
type seqTable struct {
	lines []seqLine // a power of two; at most three quarters are used
	used  int
}

type seqLine struct{ key, seq uint64 }

// cleared returns an empty table, which may use the memory of t.
func (t *seqTable) cleared() *seqTable {
	if t == nil {
		return &seqTable{lines: make([]seqLine, 1024)}
	}
	clear(t.lines)
	t.used = 0
	return t
}

// line returns the line of a key, or the free one that it would have.
func (t *seqTable) line(key uint64) *seqLine {
	mask := uint64(len(t.lines) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if l := &t.lines[i]; l.key == key || l.seq == 0 {
			return l
		}
	}
}

// get returns what a key was set to.
func (t *seqTable) get(key uint64) (seq uint64, found bool) {
	if t == nil {
		return 0, false
	}
	l := t.line(key)
	return l.seq, l.seq != 0
}

// set sets a key, and returns what it was set to before.
func (t *seqTable) set(key, seq uint64) (before uint64, found bool) {
	l := t.line(key)
	before = l.seq
	*l = seqLine{key, seq}
	if before == 0 {
		t.used++
		if 4*t.used >= 3*len(t.lines) {
			t.grow()
		}
	}
	return before, before != 0
}

func (t *seqTable) grow() {
	old := t.lines
	t.lines = make([]seqLine, 2*len(old))
	for _, l := range old {
		if l.seq != 0 {
			*t.line(l.key) = l
		}
	}
}
