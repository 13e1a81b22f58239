package custody

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
)

// The types of the targets of removals.
const (
	targetLedger  = "audit.ledger"
	targetArchive = "audit.archive"
)

// actionMember begins the canonical JSON of a removal's record.
var actionMember = []byte(`{"action":"` + semconv.ActionTrailRemove + `"`)

// collector collects the records of removals while entries are read.
type collector struct {
	log  string // the ID of the ledger whose removals matter
	in   string // where the records are, if not in the ledger
	seen []sighting
}

// sighting is a record of a removal.
type sighting struct {
	seq    uint64
	record *record.Record
}

// see keeps an entry if it is a record of a removal.
func (c *collector) see(seq uint64, data []byte) {
	if !bytes.HasPrefix(data, actionMember) {
		return
	}
	r := new(record.Record)
	if r.UnmarshalJSON(data) == nil {
		c.seen = append(c.seen, sighting{seq, r})
	}
}

// account is what the sealed records say of removals.
type account struct {
	segments []Removal
	expired  map[string]bool // archives that were removed, by name
	ended    map[audit.ID]audit.Outcome
}

func newAccount() *account {
	return &account{expired: map[string]bool{}, ended: map[audit.ID]audit.Outcome{}}
}

// add adds the records that were sealed. The report is that of the ledger that has them.
func (a *account) add(c *collector, sealed *seal.Report) {
	for _, s := range c.seen {
		if s.seq > sealed.Sealed || concerns(sealed.Findings, s.seq) || sealed.More > 0 {
			continue
		}
		a.addRecord(c, s.seq, s.record)
	}
}

func (a *account) addRecord(c *collector, seq uint64, r *record.Record) {
	if r.Outcome == audit.OutcomeDenied {
		return
	}
	if !r.Attempt.IsZero() {
		a.ended[r.Attempt] = r.Outcome
	}
	switch {
	case r.Target.Type == targetArchive:
		a.expired[r.Target.ID] = true
	case r.Target.Type == targetLedger && r.Target.ID == c.log:
		removal := Removal{Entry: seq, ID: r.ID, In: c.in, Actor: r.Actor.Type.String() + "/" + r.Actor.ID, Time: r.Time, Reason: r.Reason, Outcome: r.Outcome}
		if !r.Attempt.IsZero() {
			removal.ID = r.Attempt
		}
		for _, kv := range r.Metadata {
			switch kv.Key {
			case semconv.TrailFirstKey:
				removal.First = uint64(max(0, kv.Value.AsInt64()))
			case semconv.TrailLastKey:
				removal.Last = uint64(max(0, kv.Value.AsInt64()))
			case semconv.TrailRecordsKey:
				removal.Records = kv.Value.AsInt64()
			case semconv.RetentionPolicyKey:
				removal.Policy = kv.Value.AsString()
			case semconv.RetentionArchivesKey:
				removal.Archives = kv.Value.AsStringSlice()
			case semconv.RetentionRemovedKey:
				removal.Discarded = kv.Value.AsStringSlice()
			case semconv.RetentionDamagedKey:
				removal.Damaged = kv.Value.AsInt64()
			case semconv.RetentionGapsKey:
				removal.Gaps = kv.Value.AsStringSlice()
			}
		}
		if removal.First > 0 && removal.Last >= removal.First {
			a.segments = append(a.segments, removal)
		}
	}
}

// concerns reports whether a finding is about an entry.
func concerns(findings []seal.Finding, seq uint64) bool {
	return slices.ContainsFunc(findings, func(f seal.Finding) bool { return f.First <= seq && seq <= f.Last })
}

// before returns the removals of segments before an entry, one for each segment, in order.
func (a *account) before(first uint64) []Removal {
	var all []Removal
	for _, r := range a.segments {
		if r.First >= first {
			continue
		}
		if outcome, ok := a.ended[r.ID]; ok {
			r.Outcome = outcome
		}
		all = append(all, r)
	}
	// Of the records of one segment the first attempt that succeeded counts, or else the last.
	slices.SortStableFunc(all, func(x, y Removal) int {
		return cmp.Or(cmp.Compare(x.First, y.First), cmp.Compare(x.Last, y.Last), -cmp.Compare(rank(&x), rank(&y)), x.Time.Compare(y.Time))
	})
	return slices.CompactFunc(all, func(x, y Removal) bool { return x.First == y.First && x.Last == y.Last })
}

func rank(r *Removal) int {
	switch r.Outcome {
	case audit.OutcomeSuccess:
		return 2
	case audit.OutcomeUnknown:
		return 1
	default:
		return 0
	}
}

// discarded returns how many entries no archive has, and nobody kept.
func (r *Removal) discarded() (n int64) {
	for _, text := range r.Discarded {
		_, count, _ := strings.Cut(text, ": ")
		k, err := strconv.ParseInt(count, 10, 64)
		if err == nil && k > 0 {
			n += k
		}
	}
	return n
}
