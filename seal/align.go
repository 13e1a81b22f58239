package seal

// item is a leaf: one that was sealed, or one that is in the ledger.
type item struct {
	first, last uint64 // the sequence numbers; they differ for gaps
	hash        Hash
	unknown     bool // it was sealed, and its hash is missing or altered
}

// aligner compares the leaves of a ledger with those that were sealed. Somebody who takes an
// entry out and renumbers those after it should be told of one entry, so it looks for the
// next place where both agree.
type aligner struct {
	found  []item // that have no counterpart yet
	sealed []item
	shift  uint64 // how far the numbers of found are past those of sealed, modulo 2^64
	report func(difference)
}

// window is how far the aligner looks ahead, in leaves.
const window = 2 * tileWidth

// idle reports whether the aligner waits for nothing.
func (a *aligner) idle() bool { return len(a.found) == 0 && len(a.sealed) == 0 && a.shift == 0 }

// run compares what it can, and at the end everything. Leaves of the ledger after the last
// one that was sealed are not reported: nothing is known of them.
func (a *aligner) run(atEnd bool) {
	for len(a.sealed) > 0 {
		f, s := len(a.found), len(a.sealed)
		switch {
		case f > 0 && a.found[0].hash == a.sealed[0].hash && !a.sealed[0].unknown:
			a.shift = a.found[0].first - a.sealed[0].first
			a.found, a.sealed = a.found[1:], a.sealed[1:]
		case !atEnd && min(f, s) < window && max(f, s) < 2*window:
			return
		case f == 0 && !atEnd:
			return
		case f == 0:
			a.lose(1)
		default:
			a.resolve()
		}
	}
}

// resolve decides about the first leaves, which differ.
func (a *aligner) resolve() {
	if s := a.sealed[0]; s.unknown { // it is reported already
		switch first := a.found[0].first - a.shift; {
		case first < s.first:
			a.putIn(1)
		case first == s.first:
			a.found, a.sealed = a.found[1:], a.sealed[1:]
		default:
			a.sealed = a.sealed[1:]
		}
		return
	}
	lost := index(a.sealed, a.found[0].hash)
	put := index(a.found, a.sealed[0].hash)
	switch {
	case lost > 0 && (put < 0 || lost <= put):
		a.lose(lost)
	case put > 0:
		a.putIn(put)
	case a.found[0].first-a.shift > a.sealed[0].last:
		a.lose(1)
	case a.found[0].last-a.shift < a.sealed[0].first:
		a.putIn(1)
	default:
		s := a.sealed[0]
		a.report(difference{kind: Changed, first: s.first, last: s.last, sealed: s.hash, found: a.found[0].hash})
		a.found, a.sealed = a.found[1:], a.sealed[1:]
	}
}

// lose reports that the first n sealed leaves are missing.
func (a *aligner) lose(n int) {
	for _, s := range a.sealed[:n] {
		if s.unknown {
			continue
		}
		a.report(difference{kind: Missing, first: s.first, last: s.last, sealed: s.hash})
	}
	a.sealed = a.sealed[n:]
}

// putIn reports that the first n leaves of the ledger were not sealed.
func (a *aligner) putIn(n int) {
	for _, f := range a.found[:n] {
		a.report(difference{kind: PutIn, first: f.first, last: f.last, found: f.hash})
	}
	a.found = a.found[n:]
}

// index returns where a hash is among the next items, or -1.
func index(items []item, h Hash) int {
	for i := range items[:min(len(items), window)] {
		if items[i].hash == h && !items[i].unknown {
			return i
		}
	}
	return -1
}
