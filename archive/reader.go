package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// Reader finds the records in the archives of a store. It is safe for concurrent use.
type Reader struct {
	store    Store
	prefixes []string
	mu       sync.Mutex
	known    map[string]*known
	parts    int // of the manifests that are in memory
}

var _ query.Reader = (*Reader)(nil)

// NewReader returns a Reader of all archives in the store or, if logs are given, of those of
// these logs; see Meta.Log.
//
// Find lists the objects each time, and reads the manifest of each archive once. It then
// reads the parts whose times fit, and unpacks one part at a time. A call holds no more than
// a few thousand records; manifests with a total of 100,000 parts stay in memory, which is
// about 20 MB for 25 GB of records.
func NewReader(store Store, logs ...string) *Reader {
	r := &Reader{store: store, known: map[string]*known{}}
	for _, log := range logs {
		r.prefixes = append(r.prefixes, log+"/")
	}
	slices.Sort(r.prefixes)
	r.prefixes = slices.Compact(r.prefixes)
	if len(logs) == 0 {
		r.prefixes = []string{""}
	}
	return r
}

// Find returns the records that match, as query.Reader describes. It first yields an error
// for each archive whose manifest cannot be read, and an *EntryError for each entry that
// holds no record, at most 1,000 of them. For a damaged part that may hold matches it yields
// a *CorruptError, once.
//
// A record that is in several archives, with the same time, is returned once. If an event
// was tracked again after an error, and its two records differ in their time, they are
// returned once if one archive has both.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		s, err := newSearch(f)
		if err != nil {
			yield(nil, err)
			return
		}
		if err := r.find(ctx, s, yield); err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// find yields the matches. The error is errStopped if yield returned false.
func (r *Reader) find(ctx context.Context, s *search, yield func(*record.Record, error) bool) error {
	report := func(err error) error {
		if !yield(nil, err) {
			return errStopped
		}
		return ctx.Err()
	}
	archives, err := r.archives(ctx, report)
	if err != nil {
		return err
	}
	if err := r.reportEntries(ctx, archives, report); err != nil {
		return err
	}
	reported := map[place]bool{}
	remaining := s.Limit
	if remaining == 0 {
		remaining = math.MaxInt
	}
	for remaining > 0 {
		p := &page{reader: r, search: s, size: min(maxPage, remaining), report: report, reported: reported}
		if err := p.fill(ctx, archives); err != nil {
			return err
		}
		for _, i := range p.items {
			if !yield(i.record, nil) {
				return errStopped
			}
		}
		if len(p.items) < p.size {
			break
		}
		remaining -= p.size
		last := query.PositionOf(p.items[p.size-1].record)
		s.after = &last
	}
	return ctx.Err()
}

// known is what a Reader remembers of an archive.
type known struct {
	object  Object
	summary summary
	invalid bool     // entries without a record
	archive *Archive // nil if it is not in memory
}

// maxParts is the most parts whose manifests stay in memory.
const maxParts = 100_000

// archives returns the archives in the store, by name. It passes those that cannot be opened
// to report.
func (r *Reader) archives(ctx context.Context, report func(error) error) ([]*known, error) {
	var archives []*known
	for _, prefix := range r.prefixes {
		for o, err := range r.store.List(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			if !strings.HasSuffix(o.Name, suffix) {
				continue
			}
			k, err := r.open(ctx, o)
			if err == nil {
				archives = append(archives, k)
				continue
			}
			if err := report(err); err != nil {
				return nil, err
			}
		}
	}
	return archives, nil
}

// open returns what is known of an archive, and reads its manifest if nothing is.
func (r *Reader) open(ctx context.Context, o Object) (*known, error) {
	r.mu.Lock()
	k := r.known[o.Name]
	r.mu.Unlock()
	if k != nil && k.object == o {
		return k, nil
	}
	a, err := openObject(ctx, r.store, o)
	if err != nil {
		return nil, err
	}
	k = &known{object: o, invalid: a.manifest.Entries > a.manifest.Records}
	k.summary.addTimes(a.manifest.Oldest, a.manifest.Newest)
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.known[o.Name]; old != nil && old.archive != nil {
		r.parts -= len(old.archive.manifest.Parts)
	}
	if r.parts+len(a.manifest.Parts) <= maxParts {
		k.archive = a
		r.parts += len(a.manifest.Parts)
	}
	r.known[o.Name] = k
	return k, nil
}

// load returns an archive, and reads its manifest again if that is not in memory.
func (r *Reader) load(ctx context.Context, k *known) (*Archive, error) {
	if k.archive != nil {
		return k.archive, nil
	}
	return openObject(ctx, r.store, k.object)
}

// maxEntryErrors is the most errors about entries that one Find yields.
const maxEntryErrors = 1000

// reportEntries reports the entries that hold no record.
func (r *Reader) reportEntries(ctx context.Context, archives []*known, report func(error) error) error {
	left := maxEntryErrors
	for _, k := range archives {
		if !k.invalid || left == 0 {
			continue
		}
		if err := r.reportEntriesOf(ctx, k, &left, report); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) reportEntriesOf(ctx context.Context, k *known, left *int, report func(error) error) error {
	a, err := r.load(ctx, k)
	if err != nil {
		return report(err)
	}
	u, err := newUnpacker(a)
	if err != nil {
		return err
	}
	for i, p := range a.manifest.Parts {
		if p.Entries == p.Records || *left == 0 {
			continue
		}
		var stopped error
		_, err := u.entries(ctx, i, func(e Entry, _ bool) bool {
			if _, err := e.Record(); err != nil && *left > 0 {
				*left--
				stopped = report(&EntryError{Name: k.object.Name, Seq: e.Seq, Err: err})
			}
			return stopped == nil
		})
		if stopped != nil {
			return stopped
		}
		if err != nil && !isCorrupt(err) { // a page reports damage
			return fmt.Errorf("archive: %w", err)
		}
	}
	return nil
}
