package seal

import (
	"cmp"
	"fmt"
	"slices"
)

// Kind is what is wrong with entries.
type Kind string

// The kinds of findings.
const (
	// Changed means that an entry is not the one that was sealed.
	Changed Kind = "changed"
	// Missing means that an entry was sealed and is not in the ledger.
	Missing Kind = "missing"
	// PutIn means that an entry is in the ledger among others that were sealed, and was not
	// sealed itself.
	PutIn Kind = "put in"
	// Moved means that an entry was sealed at another place.
	Moved Kind = "out of order"
	// Altered means that entries, or all of them up to Last, are not those that were sealed,
	// and that the hashes which would tell them apart are missing or altered too.
	Altered Kind = "altered"
	// BadCheckpoint means that a checkpoint is missing, or is not signed by a trusted key, or
	// contradicts another one.
	BadCheckpoint Kind = "checkpoint"
)

// Finding is a difference between a ledger and what was sealed.
type Finding struct {
	Kind Kind `json:"kind"`
	// First and Last are the sequence numbers of the first and last entries that are
	// concerned. Those of entries that were put in, are where they are in the ledger; all
	// others are where the entry was when it was sealed. They are zero for a BadCheckpoint.
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
	// Detail says more, in words.
	Detail string `json:"detail,omitempty"`
}

// String describes the finding in a line.
func (f Finding) String() string {
	text := string(f.Kind)
	switch f.First {
	case 0:
	case f.Last:
		text = fmt.Sprintf("entry %d: %s", f.First, f.Kind)
	default:
		text = fmt.Sprintf("entries %d to %d: %s", f.First, f.Last, f.Kind)
	}
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	return text
}

// Report is the result of Verify.
type Report struct {
	// Dir is the directory of the ledger.
	Dir string `json:"dir"`
	// Held is the checkpoint that was held outside of the directory, and Own the one of the
	// directory. Each is nil if no trusted key has signed one.
	Held *Checkpoint `json:"held,omitempty"`
	Own  *Checkpoint `json:"own,omitempty"`
	// Cosigned is the largest checkpoint that has the cosignatures of the Quorum. It is nil without
	// one.
	Cosigned *Checkpoint `json:"cosigned,omitempty"`
	// First and Last are the sequence numbers of the first and last entries that were read.
	// Last is less than First if there are none.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Entries is the number of entries that were read.
	Entries int64 `json:"entries"`
	// Proved is the sequence number of the last entry that Held covers. If it is less than
	// Sealed, that of Own, the entries between them are as safe as the private key; nothing is
	// known of those above Sealed.
	Proved uint64 `json:"proved"`
	Sealed uint64 `json:"sealed"`
	// Witnessed is the sequence number of the last entry that Cosigned covers.
	Witnessed uint64 `json:"witnessed,omitempty"`
	// Gaps are the ranges that were already lost when they should have been sealed.
	Gaps []Gap `json:"gaps,omitempty"`
	// Findings are in the order of the entries. There are at most MaxFindings.
	Findings []Finding `json:"findings,omitempty"`
	// More is how many findings are not listed.
	More int64 `json:"more,omitempty"`
}

// MaxFindings is the largest number of findings in a Report.
const MaxFindings = 10_000

// Intact reports whether there are no findings.
func (r *Report) Intact() bool { return len(r.Findings) == 0 && r.More == 0 }

// difference is a finding about one entry, with the hashes that show where it belongs.
type difference struct {
	kind        Kind
	first, last uint64
	sealed      Hash // of what was sealed; unless the entry was put in
	found       Hash // of the stored entry, unless it is missing
	detail      string
}

// findings turns differences into findings: what is missing in one place and put in at another
// is out of order, and neighbors are joined.
func findings(differences []difference) []Finding {
	sealed, found := map[Hash]bool{}, map[Hash]bool{}
	for _, d := range differences {
		sealed[d.sealed] = sealed[d.sealed] || d.kind == Missing || d.kind == Changed
		found[d.found] = found[d.found] || d.kind == PutIn || d.kind == Changed
	}
	var all []Finding
	for _, d := range differences {
		switch {
		case d.kind == PutIn && sealed[d.found]:
			continue // named where it was sealed
		case (d.kind == Missing || d.kind == Changed) && found[d.sealed]:
			d.kind = Moved
		}
		all = append(all, Finding{Kind: d.kind, First: d.first, Last: d.last, Detail: d.detail})
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.First, b.First) })
	joined := all[:0]
	for _, f := range all {
		if n := len(joined); n > 0 && f.First > 0 {
			if last := &joined[n-1]; last.Kind == f.Kind && last.Last+1 == f.First && last.Detail == f.Detail {
				last.Last = f.Last
				continue
			}
		}
		joined = append(joined, f)
	}
	return joined
}
