package ledgerquery

import (
	"context"
	"slices"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// maxPage is the most records that are sorted in memory at once.
const maxPage = 4096

// page collects the first matches after search.after.
type page struct {
	search  *search
	size    int
	records []*record.Record
}

// fill reads the matches from the blocks, until no other block can hold an earlier one.
func (p *page) fill(ctx context.Context, l *ledger.Reader, known snapshot) error {
	for _, b := range known.candidates(p.search) {
		if len(p.records) >= p.size {
			p.trim()
			if b.isAfter(p.search, p.records[p.size-1]) {
				break // so are all later ones
			}
		}
		if err := p.read(ctx, l, b, known.repeated); err != nil {
			return err
		}
	}
	p.trim()
	return nil
}

// read adds the matches of a block. It skips unreadable entries, which the index has
// reported.
func (p *page) read(ctx context.Context, l *ledger.Reader, b block, repeated map[uint64]bool) error {
	for e, err := range l.Entries(ctx, b.first) {
		switch {
		case isLoss(err):
			continue
		case err != nil:
			return err
		case e.Seq > b.last:
			return nil
		case repeated[e.Seq] || !p.search.mayMatch(e.Data):
			continue
		}
		if r := new(record.Record); r.UnmarshalJSON(e.Data) == nil && p.search.Matches(r) {
			p.add(r)
		}
	}
	return nil
}

func (p *page) add(r *record.Record) {
	if !p.search.isAfterCursor(r) {
		return
	}
	p.records = append(p.records, r)
	if len(p.records) >= 2*p.size {
		p.trim()
	}
}

// trim sorts the records and keeps the first ones.
func (p *page) trim() {
	slices.SortStableFunc(p.records, p.search.compare)
	p.records = p.records[:min(p.size, len(p.records))]
}
