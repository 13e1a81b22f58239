package custody

import (
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/seal"
)

// Report is the result of Verify.
type Report struct {
	// Report is that of the ledger. Its findings are also about removals and archives.
	*seal.Report

	// Removals are the removals that account for entries which are not in the ledger, in the
	// order of the entries.
	Removals []Removal `json:"removals,omitempty"`
	// Archives are the archives of the ledger that were read, by name.
	Archives []Archive `json:"archives,omitempty"`
}

// Removal is a sealed record of the removal of a segment.
type Removal struct {
	// First and Last are the sequence numbers of the first and last entries of the segment.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Actor is who has removed it: the type, a slash, and the ID. Time, Reason and Outcome are
	// those of the record. An unknown outcome means that the process was killed meanwhile.
	Actor   string        `json:"actor"`
	Time    time.Time     `json:"time"`
	Reason  string        `json:"reason,omitempty"`
	Outcome audit.Outcome `json:"outcome"`
	// Policy is the ID of the policy that had decided it.
	Policy string `json:"policy,omitempty"`
	// Records is the number of entries in the segment that could be read. Archives names the
	// archives that keep some of them. Discarded says how many others each rule had, such as
	// "logins: 12".
	Records   int64    `json:"records"`
	Archives  []string `json:"archives,omitempty"`
	Discarded []string `json:"discarded,omitempty"`
	// Damaged is how many entries could not be read, and were given up. Gaps says which, such as
	// "4-9".
	Damaged int64    `json:"damaged,omitempty"`
	Gaps    []string `json:"gaps,omitempty"`
	// Entry is the sequence number of the record, and ID its ID. In is the directory or the
	// archive that has it, if that is not the ledger.
	Entry uint64   `json:"entry"`
	ID    audit.ID `json:"id"`
	In    string   `json:"in,omitempty"`
}

// Archive is an archive whose entries were compared with what was sealed.
type Archive struct {
	// Name is the name of the object.
	Name string `json:"name"`
	// First and Last are the range of the ledger from which it has entries.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Entries is the number of its entries, and Proved how many of them are the ones that were
	// sealed. The others are findings, or are not sealed yet.
	Entries int64 `json:"entries"`
	Proved  int64 `json:"proved"`
}
