package retention

import (
	"context"
	"fmt"
	"slices"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/sdk/ledger"
)

// examine reads a segment.
func (w *ledgerWork) examine(ctx context.Context, o *Options, d *decider, s ledger.Segment) (*Segment, error) {
	segment := &Segment{Number: s.Number, First: s.First, Bytes: s.End, Open: s.Number == w.segments[len(w.segments)-1].Number}
	t := newTally()
	g := gaps{next: s.First}
	for e, err := range w.entries(ctx, s, g.damage) {
		if err != nil {
			return nil, err
		}
		g.read(e.Seq)
		f := d.decideEntry(e)
		t.add(&f, len(e.Data))
		w.examined.add(w.part(e.Seq))
	}
	if !segment.Open {
		segment.Last = s.Next - 1
		g.read(s.Next) // the one after the last
		segment.Gaps, segment.Damaged = g.found, g.entries
		for name, committed := range w.cursors {
			if committed < segment.Last {
				segment.Waiting = append(segment.Waiting, name)
			}
		}
		slices.Sort(segment.Waiting)
	}
	if n, ok := o.DropDamaged[s.Number]; ok && n != segment.Damaged {
		return nil, fmt.Errorf("retention: %d entries of segment %d cannot be read, not %d; look at a plan again", segment.Damaged, s.Number, n)
	}
	segment.Dropped = o.DropDamaged[s.Number] > 0
	t.fill(segment)
	if segment.Dropped && len(d.holds.names) > 0 { // which may match what cannot be read
		segment.Holds, segment.Remove = slices.Sorted(slices.Values(d.holds.names)), false
	}
	return segment, nil
}

// gaps finds the entries of a segment that were not read.
type gaps struct {
	next    uint64 // the entry that should come next
	reason  string // of the damage since the last entry
	found   []Gap
	entries int64
}

func (g *gaps) damage(err *ledger.CorruptError) { g.reason = err.Reason }

// read is called with the sequence number of each entry.
func (g *gaps) read(seq uint64) {
	if seq > g.next {
		g.found = append(g.found, Gap{Range: archive.Range{First: g.next, Last: seq - 1}, Reason: g.reason})
		g.entries += int64(seq - g.next)
	}
	g.next, g.reason = seq+1, ""
}

// missing returns the entries that cannot be read, for the manifest of an archive.
func (s *Segment) missing() []archive.Range {
	var ranges []archive.Range
	for _, g := range s.Gaps {
		ranges = append(ranges, g.Range)
	}
	return ranges
}
