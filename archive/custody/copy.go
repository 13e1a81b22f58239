package custody

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
)

// Doubled means that a copy has a record twice, or once more under another ID.
const Doubled seal.Kind = "doubled"

// Document is what a copy has of a record.
type Document struct {
	// ID is the ID of the document. It is zero if it is no ID of a record.
	ID audit.ID
	// Place is the place that the document has beside the record. It is zero without one.
	Place export.Place
	// Record is the record, or nil if the document is none; then Reason says why.
	Record *record.Record
	Reason string
}

// CopyOptions say what a copy is compared with.
type CopyOptions struct {
	// Leaves are the hashes of the entries that were sealed. They are required.
	Leaves *seal.Leaves
	// Log is the ID of the ledger, in hexadecimal digits. Documents of others are counted only.
	Log string
	// Ledger is the ledger, or nil if it is elsewhere. Without it, nobody can tell which of the
	// missing entries a filter had left out.
	Ledger *ledger.Reader
	// Filter selects the records that are exported. Nil selects all.
	Filter *query.Filter
	// Delivered is the last entry that the exporter has passed. Later ones may be missing.
	Delivered uint64
	// DeadLetters are the entries that the exporter has rejected permanently.
	DeadLetters map[uint64]bool
	// Progress is called now and then, if it is not nil, with the number of documents that were
	// compared.
	Progress func(documents int64)
}

// CopyFinding is a difference between a copy and what was sealed.
type CopyFinding struct {
	// Kind is seal.Missing, seal.Changed, Doubled or seal.PutIn.
	Kind seal.Kind `json:"kind"`
	// Entry is the sequence number of the entry, or 0 if the document is none that was sealed.
	Entry uint64 `json:"entry,omitempty"`
	// ID is that of the document, or of the record that is missing.
	ID audit.ID `json:"id,omitzero"`
	// Detail says more, in words.
	Detail string `json:"detail,omitempty"`
}

// String describes the finding in a line.
func (f CopyFinding) String() string {
	text := string(f.Kind)
	if f.Entry != 0 {
		text = fmt.Sprintf("entry %d: %s", f.Entry, f.Kind)
	}
	if !f.ID.IsZero() {
		text += ": " + f.ID.String()
	}
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	return text
}

// CopyReport is the result of VerifyCopy.
type CopyReport struct {
	// Documents is the number of documents that were compared, and Others how many more are of
	// other ledgers.
	Documents int64 `json:"documents"`
	Others    int64 `json:"others,omitempty"`
	// Genuine is how many entries it has as they were sealed, and Unproved how many documents are
	// of entries after the checkpoint. Up to 1,048,576 of those agree with the ledger if it was
	// read; more are not compared.
	Genuine  int64 `json:"genuine"`
	Unproved int64 `json:"unproved,omitempty"`
	// Proved is the last entry that the checkpoint covers.
	Proved uint64 `json:"proved"`
	// Waiting is how many entries the exporter has not passed yet. Repeated is how many entries
	// the copy has at the place of an earlier one with the same ID, since the event was tracked
	// again.
	Waiting  int64 `json:"waiting,omitempty"`
	Repeated int64 `json:"repeated,omitempty"`
	// Unknown is how many sealed entries are neither in the copy nor in the ledger that was read,
	// so that nobody can tell whether the filter selects them.
	Unknown int64 `json:"unknown,omitempty"`
	// Findings are the differences. There are at most seal.MaxFindings, and More others.
	Findings []CopyFinding `json:"findings,omitempty"`
	More     int64         `json:"more,omitempty"`
}

// Intact reports whether there are no findings.
func (r *CopyReport) Intact() bool { return len(r.Findings) == 0 && r.More == 0 }

// VerifyCopy compares the documents of a copy, in any order, with what was sealed, and reports
// what is missing, changed, doubled or put in there. Stored asks the copy for records by their
// IDs, and must leave out documents that are no records: any error of it ends VerifyCopy, since
// what it could not read is not missing. Memory is a bit for each entry, besides findings, up to
// 65,536 documents without a place, up to 1,048,576 that the checkpoint does not cover, and some
// 10,000 entries that the copy may have at another place.
//
// The ledger itself is taken as it is: verify it too.
func VerifyCopy(ctx context.Context, documents iter.Seq2[Document, error], stored query.Reader, o CopyOptions) (*CopyReport, error) {
	c := &copyVerifier{CopyOptions: o, stored: stored, report: &CopyReport{Proved: o.Leaves.Last()}, suspects: map[uint64][]suspect{}, twins: map[seal.Hash][]missing{}, above: map[seal.Hash]audit.ID{}, unplaced: map[seal.Hash][]audit.ID{}, changed: map[audit.ID]bool{}}
	if o.Filter != nil {
		m, err := query.NewMatcher(*o.Filter)
		if err != nil {
			return nil, err
		}
		c.matcher = m
	}
	for d, err := range documents {
		if err != nil {
			return nil, err
		}
		if err := c.compare(ctx, &d); err != nil {
			return nil, err
		}
		if n := c.report.Documents; c.Progress != nil && n%4096 == 0 {
			c.Progress(n)
		}
	}
	if err := c.findUnplaced(ctx); err != nil {
		return nil, err
	}
	if err := c.sweep(ctx); err != nil {
		return nil, err
	}
	c.settle()
	return c.report, nil
}

// copyVerifier is one call of VerifyCopy.
type copyVerifier struct {
	CopyOptions

	stored   query.Reader
	matcher  *query.Matcher // nil: all records
	report   *CopyReport
	seen     set                      // entries that the copy has as they were sealed
	suspects map[uint64][]suspect     // documents that are not the entry of their place, by that
	held     int                      // how many suspects there are
	unplaced map[seal.Hash][]audit.ID // documents without a place that were not looked for yet
	pending  int                      // how many
	above    map[seal.Hash]audit.ID   // documents that no leaf has, and that the ledger may have
	missing  []missing                // entries that were not looked for in the copy yet
	twins    map[seal.Hash][]missing  // entries whose record the copy has, perhaps at the place of another one of the same bytes
	waiting  int                      // how many twins there are
	changed  map[audit.ID]bool        // records that were found to be changed
	buffer   []byte                   // for JSON
}

// suspect is a document that is not the entry of its place.
type suspect struct {
	id     audit.ID
	record *record.Record // nil if it is none
	reason string
}

// missing is an entry that the copy does not have at its place.
type missing struct {
	seq    uint64
	record *record.Record
}

func (c *copyVerifier) find(f CopyFinding) {
	if len(c.report.Findings) >= seal.MaxFindings {
		c.report.More++
		return
	}
	c.report.Findings = append(c.report.Findings, f)
}

// suspect keeps a document until it is known whether its entry is missing.
func (c *copyVerifier) suspect(seq uint64, s suspect) {
	if c.held >= seal.MaxFindings {
		c.report.More++
		return
	}
	c.held++
	c.suspects[seq] = append(c.suspects[seq], s)
}

// compare compares a document with the leaf of its place.
func (c *copyVerifier) compare(ctx context.Context, d *Document) error {
	if d.Place.Seq != 0 && d.Place.Log != c.Log {
		c.report.Others++
		return nil
	}
	c.report.Documents++
	if d.Record == nil {
		c.suspect(d.Place.Seq, suspect{id: d.ID, reason: d.Reason})
		return nil
	}
	var err error
	if c.buffer, err = d.Record.AppendJSON(c.buffer[:0]); err != nil {
		c.suspect(d.Place.Seq, suspect{id: d.ID, reason: "it is no record"})
		return nil //nolint:nilerr // it is a finding
	}
	h := seal.HashLeaf(c.buffer)
	if d.Place.Seq == 0 {
		c.unplaced[h] = append(c.unplaced[h], d.ID)
		if c.pending++; c.pending >= maxUnplaced {
			return c.findUnplaced(ctx)
		}
		return nil
	}
	switch sealed, err := c.Leaves.Hash(d.Place.Seq); {
	case errors.Is(err, seal.ErrNotSealed):
		c.addAbove(h, d)
	case errors.Is(err, seal.ErrGap):
		c.find(CopyFinding{Kind: seal.PutIn, ID: d.ID, Detail: fmt.Sprintf("its place, %d, was lost before it was sealed", d.Place.Seq)})
	case err != nil:
		return err
	case sealed != h:
		c.suspect(d.Place.Seq, suspect{id: d.ID, record: d.Record})
	case !c.seen.add(d.Place.Seq):
		c.find(CopyFinding{Kind: Doubled, Entry: d.Place.Seq, ID: d.ID})
	default:
		c.report.Genuine++
	}
	return nil
}

// maxAbove limits the documents that no leaf has and that are compared with the ledger.
const maxAbove = 1 << 20

// addAbove keeps a document that no leaf has, to look for it in the ledger.
func (c *copyVerifier) addAbove(h seal.Hash, d *Document) {
	if c.Ledger == nil || len(c.above) >= maxAbove {
		c.report.Unproved++
		return
	}
	if _, ok := c.above[h]; ok {
		c.find(CopyFinding{Kind: Doubled, Entry: d.Place.Seq, ID: d.ID})
		return
	}
	c.above[h] = d.ID
}

// checkContext is after how many leaves it is asked whether the context has ended.
const checkContext = 4096

// maxUnplaced is how many documents without a place are looked for at once.
const maxUnplaced = 1 << 16

// findUnplaced looks for documents without a place among all leaves.
func (c *copyVerifier) findUnplaced(ctx context.Context) error {
	if c.pending == 0 {
		return nil
	}
	for seq := uint64(1); seq <= c.Leaves.Last() && len(c.unplaced) > 0; seq++ {
		if seq%checkContext == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h, err := c.Leaves.Hash(seq)
		if errors.Is(err, seal.ErrGap) {
			continue
		}
		if err != nil {
			return err
		}
		ids, ok := c.unplaced[h]
		if !ok {
			continue
		}
		delete(c.unplaced, h)
		for _, id := range ids {
			if c.seen.add(seq) {
				c.report.Genuine++
			} else {
				c.find(CopyFinding{Kind: Doubled, Entry: seq, ID: id})
			}
		}
	}
	for h, ids := range c.unplaced {
		for _, id := range ids {
			if c.Ledger == nil {
				c.suspect(0, suspect{id: id})
			} else {
				c.addAbove(h, &Document{ID: id})
			}
		}
	}
	clear(c.unplaced)
	c.pending = 0
	return nil
}

// isDouble reports whether a document is the entry under another ID.
func isDouble(document, entry *record.Record) bool {
	if document == nil || document.ID == entry.ID {
		return false
	}
	same := *document
	same.ID = entry.ID
	if same.Attempt == document.ID { // it begins an attempt
		same.Attempt = entry.ID
	}
	a, errA := same.AppendJSON(nil)
	b, errB := entry.AppendJSON(nil)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
