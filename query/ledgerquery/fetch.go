package ledgerquery

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// fetcher reads candidates, and matches their records.
type fetcher struct {
	search   *search
	snapshot *snapshot
	hasher   index.Hasher
}

// fetched is what reading candidates gave.
type fetched struct {
	matches []match
	damage  []error // what could not be read
	err     error   // ends the search
}

// Batches smaller than this are read by one goroutine.
const minParallel = 64

// maxWorkers limits how many goroutines read for one search.
const maxWorkers = 4

// fetch reads the candidates, in any order, and returns those that match.
func (f *fetcher) fetch(ctx context.Context, batch []candidate) fetched {
	slices.SortFunc(batch, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.part.first, b.part.first), cmp.Compare(a.place, b.place))
	})
	workers := min(maxWorkers, runtime.GOMAXPROCS(0), 1+len(batch)/minParallel)
	if workers == 1 {
		return f.read(ctx, batch)
	}
	results := make([]fetched, workers)
	var group sync.WaitGroup
	for i := range results {
		chunk := batch[i*len(batch)/workers : (i+1)*len(batch)/workers]
		group.Go(func() { results[i] = f.read(ctx, chunk) })
	}
	group.Wait()
	all := results[0]
	all.matches = slices.Grow(all.matches, len(batch)-len(all.matches))
	for _, r := range results[1:] {
		all.matches, all.damage = append(all.matches, r.matches...), append(all.damage, r.damage...)
		all.err = cmp.Or(all.err, r.err)
	}
	return all
}

// read reads candidates that are in the order of the ledger.
func (f *fetcher) read(ctx context.Context, chunk []candidate) (result fetched) {
	pooled := frameBuffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // it has buffers only
	defer frameBuffers.Put(pooled)
	matcher, sections := &entryMatcher{search: f.search}, sectionReader{snapshot: f.snapshot, buffer: pooled}
	if f.search.lines {
		result.matches = make([]match, 0, len(chunk)) // most match, usually
	}
	for len(chunk) > 0 && result.err == nil {
		if result.err = ctx.Err(); result.err != nil {
			break
		}
		first, n := chunk[0], 1
		if first.block != nil {
			f.scan(ctx, matcher, first, &sections, &result)
			chunk = chunk[1:]
			continue
		}
		for n < len(chunk) && chunk[n].part == first.part && chunk[n].frame == first.frame {
			n++
		}
		frame, err := sections.read(first.part, first.frame, first.frame.Offset+first.frame.Size)
		if err == nil {
			f.match(ctx, matcher, frame, chunk[:n], &result)
		} else {
			result.add(err, first.part, first.place, chunk[n-1].place)
		}
		chunk = chunk[n:]
	}
	return result
}

// add adds the error of reading the frame that holds the entries at some places.
func (r *fetched) add(err error, p *partSearch, from, to int) {
	corrupt, damaged := errors.AsType[*ledger.CorruptError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist): // retention has removed it
	case damaged:
		corrupt.First, corrupt.Last = p.first+uint64(from), p.first+uint64(to)
		r.damage = append(r.damage, err)
	default:
		r.err = err
	}
}

// match adds the candidates of a frame that match.
func (f *fetcher) match(ctx context.Context, matcher *entryMatcher, frame ledger.Frame, candidates []candidate, result *fetched) {
	for e := range frame.All() {
		if len(candidates) == 0 {
			return
		}
		seq := candidates[0].part.first + uint64(candidates[0].place)
		if e.Seq < seq {
			continue
		}
		if e.Seq > seq { // the frame is not the one that the index means
			result.err = &badIndexError{candidates[0].part.part, index.ErrBad}
			return
		}
		c := candidates[0]
		candidates = candidates[1:]
		if f.search.mayMatch(e.Data) {
			f.matchEntry(ctx, matcher, c, e, result)
		}
		if result.err != nil {
			return
		}
	}
	if len(candidates) > 0 {
		result.err = &badIndexError{candidates[0].part.part, index.ErrBad}
	}
}

// matchEntry adds the record of an entry if it matches.
func (f *fetcher) matchEntry(ctx context.Context, matcher *entryMatcher, c candidate, e ledger.Entry, result *fetched) {
	m, ok, err := matcher.match(e.Data)
	if err != nil {
		result.damage = append(result.damage, &EntryError{Seq: e.Seq, Err: err})
		return
	}
	if !ok || !f.search.isAfterCursor(&m) {
		return
	}
	m.seq = e.Seq
	repeated, err := f.isRepeated(ctx, c, e.Data)
	switch {
	case err != nil:
		result.err = err
	case !repeated:
		result.matches = append(result.matches, m)
	}
}
