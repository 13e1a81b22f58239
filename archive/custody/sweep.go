package custody

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
)

// sweep reads the ledger, and finds the entries that the copy should have and has not.
func (c *copyVerifier) sweep(ctx context.Context) error {
	first := c.Leaves.Last() + 1
	if c.Ledger != nil {
		var err error
		if first, err = c.Ledger.First(); err != nil {
			return err
		}
		for f, err := range c.Ledger.Frames(ctx, first, math.MaxUint64) {
			_, removed := errors.AsType[*ledger.RemovedError](err)
			_, corrupt := errors.AsType[*ledger.CorruptError](err)
			if removed || corrupt {
				continue // verifying the ledger finds them
			}
			if err != nil {
				return err
			}
			for e := range f.All() {
				if err := c.entry(ctx, e); err != nil {
					return err
				}
			}
		}
		if err := c.ask(ctx); err != nil {
			return err
		}
		if err := c.findTwins(ctx); err != nil {
			return err
		}
	}
	return c.absent(ctx, first)
}

// entry compares an entry of the ledger with the copy.
func (c *copyVerifier) entry(ctx context.Context, e ledger.Entry) error {
	has := e.Seq <= c.Leaves.Last() && c.seen.has(e.Seq)
	if has && len(c.suspects[e.Seq]) == 0 {
		return nil
	}
	r := new(record.Record)
	if r.UnmarshalJSON(e.Data) != nil {
		return nil //nolint:nilerr // it is a dead letter of every exporter
	}
	h := seal.HashLeaf(e.Data)
	if e.Seq > c.Leaves.Last() {
		if _, has = c.above[h]; has {
			delete(c.above, h)
			c.report.Unproved++
		}
	} else if sealed, err := c.Leaves.Hash(e.Seq); err != nil || sealed != h {
		return nil //nolint:nilerr // verifying the ledger finds it
	}
	c.classify(e.Seq, r)
	if has || c.matcher != nil && !c.matcher.Matches(r) {
		return nil
	}
	if e.Seq > c.Delivered {
		c.report.Waiting++
		return nil
	}
	if c.missing = append(c.missing, missing{e.Seq, r}); len(c.missing) >= maxAsked {
		return c.ask(ctx)
	}
	return nil
}

// classify says what the documents with the place of an entry are. Those that may be the
// entry itself, changed, are left for ask.
func (c *copyVerifier) classify(seq uint64, entry *record.Record) {
	left := c.suspects[seq][:0]
	for _, s := range c.suspects[seq] {
		switch {
		case isDouble(s.record, entry):
			c.find(CopyFinding{Kind: Doubled, Entry: seq, ID: s.id, Detail: "of " + entry.ID.String()})
		case s.id == entry.ID:
			left = append(left, s)
		default:
			c.find(CopyFinding{Kind: seal.PutIn, ID: s.id, Detail: "its place is that of " + entry.ID.String()})
		}
	}
	if len(left) == 0 {
		delete(c.suspects, seq)
		return
	}
	c.suspects[seq] = left
}

// maxAsked is how many IDs the copy is asked for at once.
const maxAsked = 500

// ask asks the copy for missing entries by their IDs. It may have them as the record of an event
// that was tracked twice, or changed.
func (c *copyVerifier) ask(ctx context.Context) error {
	if len(c.missing) == 0 {
		return nil
	}
	ids := make([]audit.ID, len(c.missing))
	for i, m := range c.missing {
		ids[i] = m.record.ID
	}
	found := map[audit.ID]*record.Record{}
	for r, err := range c.stored.Find(ctx, query.Filter{IDs: ids}) {
		if err != nil {
			return err
		}
		found[r.ID] = r
	}
	for _, m := range c.missing {
		stored := found[m.record.ID]
		changed := len(c.suspects[m.seq]) > 0
		delete(c.suspects, m.seq)
		switch {
		case stored != nil && c.repeats(stored, &m):
			c.report.Repeated++
		case stored != nil && !changed:
			if err := c.addTwin(stored, m); err != nil {
				return err
			}
		case stored != nil || changed:
			c.findChanged(&m)
		case c.DeadLetters[m.seq]:
			c.find(CopyFinding{Kind: seal.Missing, Entry: m.seq, ID: m.record.ID, Detail: "it is a dead letter of the exporter"})
		default:
			c.find(CopyFinding{Kind: seal.Missing, Entry: m.seq, ID: m.record.ID})
		}
	}
	c.missing = c.missing[:0]
	if c.waiting >= maxTwins {
		return c.findTwins(ctx)
	}
	return nil
}

// maxTwins is how many entries are looked for at once that the copy may have at another place.
const maxTwins = 10_000

// addTwin keeps an entry whose record the copy has, at another place or changed.
func (c *copyVerifier) addTwin(stored *record.Record, m missing) error {
	b, err := stored.AppendJSON(nil)
	if err != nil {
		c.findChanged(&m)
		return nil //nolint:nilerr // it is a finding
	}
	entry, err := m.record.AppendJSON(nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, entry) {
		c.findChanged(&m)
		return nil
	}
	h := seal.HashLeaf(entry)
	c.twins[h] = append(c.twins[h], m)
	c.waiting++
	return nil
}

// findTwins looks for entries of the same bytes that the copy has at their place: the ledger has
// the record twice. Without one, the document was moved.
func (c *copyVerifier) findTwins(ctx context.Context) error {
	for seq := uint64(1); seq <= c.Leaves.Last() && len(c.twins) > 0; seq++ {
		if seq%checkContext == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !c.seen.has(seq) {
			continue
		}
		h, err := c.Leaves.Hash(seq)
		if err != nil {
			return err
		}
		c.report.Repeated += int64(len(c.twins[h]))
		delete(c.twins, h)
	}
	for _, all := range c.twins {
		for i := range all {
			c.findChanged(&all[i])
		}
	}
	clear(c.twins)
	c.waiting = 0
	return nil
}

// findChanged adds the finding that an entry was changed in the copy.
func (c *copyVerifier) findChanged(m *missing) {
	c.find(CopyFinding{Kind: seal.Changed, Entry: m.seq, ID: m.record.ID})
	if len(c.changed) < seal.MaxFindings {
		c.changed[m.record.ID] = true // it may have lost its place too
	}
}

// repeats reports whether a stored record is another one of the same event, as it was sealed.
func (c *copyVerifier) repeats(stored *record.Record, m *missing) bool {
	if len(c.suspects[m.seq]) > 0 || !stored.IsRetryOf(m.record) {
		return false
	}
	b, err := stored.AppendJSON(nil)
	if err != nil {
		return false
	}
	entry, err := m.record.AppendJSON(nil)
	return err == nil && !bytes.Equal(b, entry)
}

// absent counts the sealed entries before one that neither the copy nor the ledger has.
func (c *copyVerifier) absent(ctx context.Context, before uint64) error {
	for seq := uint64(1); seq < before && seq <= c.Leaves.Last(); seq++ {
		if seq%checkContext == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if c.seen.has(seq) {
			continue
		}
		if _, err := c.Leaves.Hash(seq); errors.Is(err, seal.ErrGap) {
			continue
		} else if err != nil {
			return err
		}
		switch changed := c.suspects[seq]; {
		case len(changed) > 0:
			c.find(CopyFinding{Kind: seal.Changed, Entry: seq, ID: changed[0].id})
			if c.suspects[seq] = changed[1:]; len(changed) == 1 {
				delete(c.suspects, seq)
			}
		case c.matcher != nil:
			c.report.Unknown++
		case seq > c.Delivered:
			c.report.Waiting++
		default:
			c.find(CopyFinding{Kind: seal.Missing, Entry: seq, Detail: "unless its event was tracked twice"})
		}
	}
	return nil
}

// settle names the documents that are left: no entry is theirs.
func (c *copyVerifier) settle() {
	putIn := func(id audit.ID, detail string) {
		if !c.changed[id] {
			c.find(CopyFinding{Kind: seal.PutIn, ID: id, Detail: detail})
		}
	}
	for seq, all := range c.suspects {
		for _, s := range all {
			detail := "it is none of the entries that were sealed"
			switch {
			case s.reason != "":
				detail = s.reason
			case seq != 0:
				detail = "it is not the entry of its place"
			}
			putIn(s.id, detail)
		}
	}
	for _, id := range c.above {
		putIn(id, "the ledger does not have it")
	}
	slices.SortStableFunc(c.report.Findings, func(a, b CopyFinding) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), slices.Compare(a.ID[:], b.ID[:]))
	})
}
