package archive

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// maxPage is the most records that are sorted in memory at once.
const maxPage = 4096

// place is where a part is: the index of the archive, in the order of names, and that of the
// part.
type place struct{ archive, part int }

// item is a match, with its place among the records of one ID: earlier ones were stored
// first.
type item struct {
	record *record.Record
	place  place
	line   int
}

// page collects the first matches after search.after.
type page struct {
	reader   *Reader
	search   *search
	size     int
	items    []item
	tied     []item // matches with the time and ID of search.after
	report   func(error) error
	reported map[place]bool // parts whose damage was reported
}

// fill reads the matches, until no other archive can hold an earlier one.
func (p *page) fill(ctx context.Context, archives []*known) error {
	var order []int
	for i, k := range archives {
		if p.search.mayMatch(k.summary.oldest, k.summary.newest) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		ka, kb := &archives[a].summary, &archives[b].summary
		return p.search.compareTimes(p.search.first(ka.oldest, ka.newest), p.search.first(kb.oldest, kb.newest))
	})
	for _, i := range order {
		full, err := p.isFull(&archives[i].summary)
		if err != nil {
			return err
		}
		if full {
			break // so it is for all later ones
		}
		if err := p.readArchive(ctx, i, archives[i]); err != nil {
			return err
		}
	}
	if err := p.trim(); err != nil {
		return err
	}
	p.items = append(p.tiedAfter(), p.items...)
	p.items = p.items[:min(len(p.items), p.size)]
	return nil
}

// tiedAfter returns the tied items that belong to this page, in order.
func (p *page) tiedAfter() []item {
	p.sort(p.tied)
	return slices.DeleteFunc(p.distinct(p.tied), func(i item) bool {
		return p.search.comparePositions(query.PositionOf(i.record), *p.search.after) <= 0
	})
}

// isFull reports whether the page is complete before the times of a range.
func (p *page) isFull(times *summary) (bool, error) {
	if len(p.items) < p.size {
		return false, nil
	}
	if err := p.trim(); err != nil || len(p.items) < p.size {
		return false, err
	}
	last := p.items[p.size-1].record.Time
	return p.search.compareTimes(p.search.first(times.oldest, times.newest), last) > 0, nil
}

// readArchive adds the matches in an archive.
func (p *page) readArchive(ctx context.Context, index int, k *known) error {
	a, err := p.reader.load(ctx, k)
	if err != nil {
		return p.reportOnce(place{index, -1}, err)
	}
	u, err := newUnpacker(a)
	if err != nil {
		return err
	}
	parts := a.manifest.Parts
	var order []int
	for i := range parts {
		if p.search.mayMatch(parts[i].Oldest, parts[i].Newest) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return p.search.compareTimes(p.search.first(parts[a].Oldest, parts[a].Newest), p.search.first(parts[b].Oldest, parts[b].Newest))
	})
	for _, i := range order {
		var times summary
		times.addTimes(parts[i].Oldest, parts[i].Newest)
		full, err := p.isFull(&times)
		if err != nil {
			return err
		}
		if full {
			break
		}
		if err := p.readPart(ctx, u, place{index, i}); err != nil {
			return err
		}
	}
	return nil
}

// repetition is a match whose record an earlier entry may hold.
type repetition struct {
	item    item
	earlier uint64
}

// readPart adds the matches in a part.
func (p *page) readPart(ctx context.Context, u *unpacker, at place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	line := 0
	var repetitions []repetition
	var trimErr error
	_, err := u.entries(ctx, at.part, func(e Entry, _ bool) bool {
		line++
		r, err := e.Record()
		if err != nil || p.search.compareCursor(r) < 0 || !p.search.matcher.Matches(r) {
			return true // reportEntries has reported the error
		}
		i := item{record: r, place: at, line: line}
		if e.Repeats != 0 {
			repetitions = append(repetitions, repetition{i, e.Repeats})
			return true
		}
		trimErr = p.add(i)
		return trimErr == nil
	})
	if trimErr != nil {
		return trimErr
	}
	if err != nil {
		if err := p.reportOnce(at, err); err != nil {
			return err
		}
	}
	for _, r := range repetitions {
		isRetry, err := p.isRetry(ctx, u, r)
		if err != nil {
			return err
		}
		if isRetry {
			continue
		}
		if err := p.add(r.item); err != nil {
			return err
		}
	}
	return nil
}

// isRetry reports whether the earlier entry of a repetition can be read and holds the same
// record.
func (p *page) isRetry(ctx context.Context, u *unpacker, r repetition) (bool, error) {
	e, ok, err := u.seek(ctx, r.earlier)
	if err != nil {
		return false, p.reportOnce(place{r.item.place.archive, -2}, err)
	}
	if !ok {
		return false, nil
	}
	first, err := e.Record()
	return err == nil && first.IsRetryOf(r.item.record), nil
}

// reportOnce reports damage, unless that was done. Other errors end the search.
func (p *page) reportOnce(at place, err error) error {
	if !isCorrupt(err) {
		return err
	}
	if p.reported[at] {
		return nil
	}
	p.reported[at] = true
	return p.report(err)
}

func (p *page) add(i item) error {
	if p.search.compareCursor(i.record) == 0 {
		p.tied = append(p.tied, i)
		return p.checkSame(p.tied)
	}
	p.items = append(p.items, i)
	if len(p.items) < 2*p.size+maxSame {
		return nil
	}
	return p.trim()
}

// maxSame is the most records of one time and ID that are sorted.
const maxSame = 1024

// trim sorts the items, removes repetitions, and keeps the first ones: as many as the page
// has, and the others with the time and ID of the last of those.
func (p *page) trim() error {
	p.sort(p.items)
	kept := p.items[:0]
	for start := 0; start < len(p.items) && len(kept) < p.size; {
		end := start + 1
		for end < len(p.items) && p.search.compare(p.items[start].record, p.items[end].record) == 0 {
			end++
		}
		if err := p.checkSame(p.items[start:end]); err != nil {
			return err
		}
		kept = append(kept, p.distinct(p.items[start:end])...)
		start = end
	}
	clear(p.items[len(kept):])
	p.items = kept
	return nil
}

// sort sorts items by time, ID and place.
func (p *page) sort(items []item) {
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Or(p.search.compare(a.record, b.record), cmp.Compare(a.place.archive, b.place.archive),
			cmp.Compare(a.place.part, b.place.part), cmp.Compare(a.line, b.line))
	})
}

// checkSame rejects too many records of one time and ID.
func (p *page) checkSame(group []item) error {
	if len(group) <= maxSame {
		return nil
	}
	return fmt.Errorf("archive: more than %d records have the ID %s and one time", maxSame, group[0].record.ID)
}

// distinct returns the items of one time and ID without repetitions, in order. The result
// refers to group, which is sorted by place.
func (p *page) distinct(group []item) []item {
	n := 0
	for _, i := range group {
		if !slices.ContainsFunc(group[:n], func(first item) bool { return first.record.IsRetryOf(i.record) }) {
			group[n] = i
			n++
		}
	}
	if n > 1 {
		slices.SortStableFunc(group[:n], func(a, b item) int {
			return p.search.comparePositions(query.PositionOf(a.record), query.PositionOf(b.record))
		})
	}
	return group[:n]
}
