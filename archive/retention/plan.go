package retention

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/sdk/ledger"
)

// Options say by which policy records are kept, and where archives and holds are.
type Options struct {
	// Policy is required.
	Policy *Policy
	// Store has the archives and the holds. An apply requires it, also with a policy that
	// archives nothing. A plan without one knows no holds.
	Store archive.Store
	// Tracker gets an event for everything that an apply does, and is required for it. The
	// actor is that of the context. The events of a ledger's own provider may go to that
	// ledger.
	Tracker audit.Tracker
	// Reason is the reason of the events, such as a ticket, or empty.
	Reason string
	// AllLogs applies the policy to the archives of all logs in the store, such as those of
	// ledgers that are gone. By default it applies to those of the log that is asked.
	AllLogs bool
	// DropDamaged gives up entries of a ledger that cannot be read: how many of them, by the
	// number of their segment. A plan says both. The other entries of the segment are kept as
	// the policy says. It needs a Reason, and has no effect while a hold is in force, since
	// nobody knows whether it matches them.
	DropDamaged map[uint64]int64
	// Now returns the time. The default is time.Now.
	Now func() time.Time
	// Progress, if it is not nil, is called after every 100 records that were examined: with
	// their number so far, and which part of the ledger that is, from 0 to 1. The part is negative
	// for a collection, of which nobody knows how many are left. An apply of a ledger examines no
	// more than it removes, so it may end long before 1. The work waits for Progress.
	Progress func(records int64, part float64)
}

// examined counts records for Options.Progress.
type examined struct {
	progress func(records int64, part float64)
	records  int64
}

// progressRecords is how many records are examined between two calls of Options.Progress.
const progressRecords = 100

func (x *examined) add(part float64) {
	if x.records++; x.progress != nil && x.records%progressRecords == 0 {
		x.progress(x.records, part)
	}
}

func (o *Options) validate(apply bool) error {
	switch {
	case o.Policy == nil:
		return errors.New("retention: Options.Policy is nil")
	case apply && o.Store == nil:
		return errors.New("retention: Options.Store is nil; it is where the holds are")
	case apply && o.Tracker == nil:
		return errors.New("retention: Options.Tracker is nil; nothing is removed without a record of it")
	case apply && len(o.DropDamaged) > 0 && strings.TrimSpace(o.Reason) == "":
		return errors.New("retention: Options.Reason is empty; giving up damaged entries needs one")
	}
	return nil
}

func (o *Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// Plan says what an apply would do at one time.
type Plan struct {
	// Log identifies the ledger by its ID in hexadecimal, or the collection by its name.
	Log string `json:"log"`
	// Policy is the ID of the policy, and Time the time for which the plan was made.
	Policy string    `json:"policy"`
	Time   time.Time `json:"time"`
	// Holds are the holds in force.
	Holds []Hold `json:"holds"`
	// Segments are those of a ledger, oldest first. A collection has one at most, for all
	// records whose time is over and those that a hold keeps.
	Segments []Segment `json:"segments"`
	// Archives are those that are past their time, and those that nothing keeps but a hold
	// or damage.
	Archives []Expiry `json:"archives"`
}

// Segment says what becomes of a segment.
type Segment struct {
	// Number, First and Last are its number, and the sequence numbers of its first and last
	// entries. Last is zero in the newest segment.
	Number uint64 `json:"number,omitempty"`
	First  uint64 `json:"first,omitempty"`
	Last   uint64 `json:"last,omitempty"`
	// Bytes is its size.
	Bytes int64 `json:"bytes"`
	// Classes has what is in it, by name.
	Classes []Class `json:"classes"`
	// Remove reports that the segment is removed, after records of it were archived. If it
	// is false, one of the following says why, or a class of which records are kept.
	Remove bool `json:"remove"`
	// Open reports that it is the newest segment, which is never removed.
	Open bool `json:"open,omitempty"`
	// Earlier reports that an earlier segment stays. The oldest ones are removed first.
	Earlier bool `json:"earlier,omitempty"`
	// Damaged is the number of entries that cannot be read, and Gaps says which. Nobody knows
	// how long they must be kept, so the segment stays, unless Dropped is set: somebody has
	// decided to give them up, by Options.DropDamaged.
	Damaged int64 `json:"damaged,omitempty"`
	Gaps    []Gap `json:"gaps,omitempty"`
	Dropped bool  `json:"dropped,omitempty"`
	// Waiting lists the cursors that have not passed it yet: those of exporters, and of the seal.
	Waiting []string `json:"waiting,omitempty"`
	// Holds lists the holds that keep it.
	Holds []string `json:"holds,omitempty"`
	// Until is when all records in it, and in earlier segments that stay, may leave but for
	// Open, Damaged, Waiting and Holds. It is zero if they may now, or if Forever is set.
	Until time.Time `json:"until,omitzero"`
	// Forever reports that records in it, or in an earlier segment, are kept forever and not
	// archived.
	Forever bool `json:"forever,omitempty"`
}

// Gap is a range of entries that cannot be read.
type Gap struct {
	archive.Range

	// Reason describes the damage, or is empty.
	Reason string `json:"reason,omitempty"`
}

// Class says what becomes of the records of one rule in a segment.
type Class struct {
	// Rule is the name of the rule. It is empty for records without a rule, and "_" for
	// entries that hold no record.
	Rule string `json:"rule"`
	// Records and Bytes are the number of records, and the size of their entries.
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	// Archive is how many may leave for an archive, and Remove how many nobody keeps. If the
	// segment stays, they are kept beyond their class.
	Archive int64 `json:"archive"`
	Remove  int64 `json:"remove"`
	// Keep is how many must stay, and Held how many of all a hold matches.
	Keep int64 `json:"keep"`
	Held int64 `json:"held"`
	// Until is when the last of those that must stay need not stay any more, but for a hold.
	// Forever reports that some of them stay forever.
	Until   time.Time `json:"until,omitzero"`
	Forever bool      `json:"forever,omitempty"`
}

// Expiry is an archive that is past its time.
type Expiry struct {
	// Name is the name of the object, and Rule that of the rule.
	Name string `json:"name"`
	Rule string `json:"rule"`
	// Entries and Bytes are the number of its entries, and the size of the object.
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
	// Remove reports that it is removed. Otherwise Held is the name of a hold that keeps it,
	// or Damaged says that it cannot be read.
	Remove  bool   `json:"remove"`
	Held    string `json:"held,omitempty"`
	Damaged string `json:"damaged,omitempty"`
}

// PlanLedger returns what ApplyLedger would do with the ledger of r. It reads the whole
// ledger, also beside its writer, and changes nothing.
func PlanLedger(ctx context.Context, r *ledger.Reader, o Options) (*Plan, error) {
	if err := o.validate(false); err != nil {
		return nil, err
	}
	d, err := newDecider(ctx, &o)
	if err != nil {
		return nil, err
	}
	w, err := newLedgerWork(r, &o)
	if err != nil {
		return nil, err
	}
	p := &Plan{Log: w.log, Policy: o.Policy.ID(), Time: d.now.UTC()}
	for _, s := range w.segments {
		segment, err := w.examine(ctx, &o, d, s)
		if err != nil {
			return nil, err
		}
		if len(p.Segments) > 0 {
			segment.follow(&p.Segments[len(p.Segments)-1])
		}
		p.Segments = append(p.Segments, *segment)
	}
	err = p.complete(ctx, d, &o)
	return p, err
}

// follow makes the segment stay if an earlier one does.
func (s *Segment) follow(earlier *Segment) {
	if earlier.Remove {
		return
	}
	s.Earlier, s.Remove = true, false
	s.Forever = s.Forever || earlier.Forever
	s.Until = latest(s.Until, earlier.Until)
	if s.Forever {
		s.Until = time.Time{}
	}
}

// complete adds the holds and the archives.
func (p *Plan) complete(ctx context.Context, d *decider, o *Options) error {
	if o.Store == nil {
		return nil
	}
	all, err := Holds(ctx, o.Store)
	if err != nil {
		return err
	}
	p.Holds = slices.DeleteFunc(all, func(h Hold) bool { return !h.Lifted.IsZero() })
	for e, err := range expiries(ctx, d, o, p.Log) {
		if err != nil {
			return err
		}
		p.Archives = append(p.Archives, e)
	}
	return nil
}

func newDecider(ctx context.Context, o *Options) (*decider, error) {
	d := &decider{policy: o.Policy, holds: &holds{}, now: o.now()}
	if o.Store == nil {
		return d, nil
	}
	h, err := loadHolds(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	d.holds = h
	return d, nil
}

// tally counts the fates of records.
type tally struct {
	classes map[string]*Class
	forever bool
	until   time.Time
	holds   map[string]bool // those that keep the records where they are
}

func newTally() *tally { return &tally{classes: map[string]*Class{}, holds: map[string]bool{}} }

func (t *tally) add(f *fate, size int) {
	c := t.classes[f.class]
	if c == nil {
		c = &Class{Rule: f.class}
		t.classes[f.class] = c
	}
	c.Records++
	c.Bytes += int64(size)
	if f.hold != "" {
		c.Held++
	}
	switch f.action {
	case actionArchive:
		c.Archive++
	case actionRemove:
		c.Remove++
	case actionKeep:
		c.Keep++
		if f.pinned {
			t.holds[f.hold] = true
		}
		if f.until.IsZero() && !f.blocked {
			t.forever, c.Forever = true, true
		}
		c.Until, t.until = latest(c.Until, f.until), latest(t.until, f.until)
	}
}

// merge adds the records of another tally.
func (t *tally) merge(other *tally) {
	for name, c := range other.classes {
		sum := t.classes[name]
		if sum == nil {
			sum = &Class{Rule: name}
			t.classes[name] = sum
		}
		sum.Records, sum.Bytes, sum.Keep, sum.Held = sum.Records+c.Records, sum.Bytes+c.Bytes, sum.Keep+c.Keep, sum.Held+c.Held
	}
	maps.Copy(t.holds, other.holds)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a
}

// fill sets what the records say of a segment.
func (t *tally) fill(s *Segment) {
	s.Forever, s.Holds = t.forever, slices.Sorted(maps.Keys(t.holds))
	if !t.forever {
		s.Until = t.until
	}
	keep := int64(0)
	for _, c := range t.classes {
		s.Classes = append(s.Classes, *c)
		keep += c.Keep
	}
	slices.SortFunc(s.Classes, func(a, b Class) int { return cmp.Compare(a.Rule, b.Rule) })
	s.Remove = !s.Open && keep == 0 && (s.Damaged == 0 || s.Dropped) && len(s.Waiting) == 0
}

// ledgerWork is the ledger that is planned or changed.
type ledgerWork struct {
	reader   *ledger.Reader
	log      string
	segments []ledger.Segment
	cursors  map[string]uint64
	next     uint64 // the entry after the newest one
	examined examined
}

// part returns which part of the ledger the entries before seq are.
func (w *ledgerWork) part(seq uint64) float64 {
	first := w.segments[0].First
	return float64(seq-first) / float64(max(1, w.next-first))
}

func newLedgerWork(r *ledger.Reader, o *Options) (*ledgerWork, error) {
	stats, err := r.Stats()
	if err != nil {
		return nil, err
	}
	segments, _, err := r.Segments()
	if err != nil {
		return nil, err
	}
	if len(segments) == 0 {
		return nil, errors.New("retention: the ledger has no segments")
	}
	for i := range segments[:len(segments)-1] {
		if segments[i].Next == 0 { // damage hides where it ends
			segments[i].Next = segments[i+1].First
		}
	}
	return &ledgerWork{
		reader: r, log: hex.EncodeToString(segments[0].Ledger[:]), segments: segments, cursors: stats.Cursors, next: stats.Next,
		examined: examined{progress: o.Progress},
	}, nil
}
