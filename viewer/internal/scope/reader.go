package scope

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// Reader is the part of a store that somebody may see. It is safe for concurrent use.
type Reader struct {
	store  query.Reader
	within query.Filter
	match  *query.Matcher // of within
	mask   *Mask
}

var (
	_ query.LineReader = (*Reader)(nil)
	_ query.Counter    = (*Reader)(nil)
)

// NewReader returns a Reader of the records within a filter, without what the mask hides.
func NewReader(store query.Reader, within query.Filter, mask *Mask) (*Reader, error) {
	match, err := query.NewMatcher(within)
	if err != nil {
		return nil, err
	}
	return &Reader{store: store, within: within, match: match, mask: mask}, nil
}

// Whole reports whether the records are shown as the store has them, without hidden fields.
func (r *Reader) Whole() bool { return r.mask.shows() }

// Shows reports whether records are shown with the field that has a path.
func (r *Reader) Shows(path string) bool { return r.mask.visible(path) }

// Drops reports whether the store may find many records for a filter that are not returned: the
// filter asks for another value than within does, or for one that the mask may hide.
func (r *Reader) Drops(f *query.Filter) bool {
	hidden := len(f.OnBehalfOf)+len(f.Sessions)+len(f.Tenants)+len(f.Channels)+len(f.Changed)+len(f.TraceIDs)+
		len(f.Metadata)+len(f.Resource) > 0 || f.Delegated
	return !composes(&r.within, f) || hidden && !r.mask.shows()
}

// Find returns the records that match, as query.Reader describes, as they may be seen. A
// cursor does not distinguish different records with one ID.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		match, err := query.NewMatcher(f)
		if err != nil {
			yield(nil, err)
			return
		}
		n := 0
		for full, err := range r.store.Find(ctx, r.narrow(f)) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			if !r.match.Matches(full) {
				continue
			}
			seen := r.mask.apply(full)
			if !match.Matches(seen) {
				continue
			}
			if !yield(seen, nil) {
				return
			}
			if n++; n == f.Limit {
				return
			}
		}
	}
}

// FindLines returns the records that Find would return, without decoding them where the store
// answers the same.
func (r *Reader) FindLines(ctx context.Context, f query.Filter) iter.Seq2[query.Line, error] {
	if f.Validate() == nil && r.mask.shows() && composes(&r.within, &f) {
		return query.Lines(ctx, r.store, r.narrow(f))
	}
	return func(yield func(query.Line, error) bool) {
		for found, err := range r.Find(ctx, f) {
			line := query.Line{}
			if err == nil {
				line, err = query.LineOf(found)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// CountRecords counts by the index of the store, where the store answers the same as reading.
func (r *Reader) CountRecords(ctx context.Context, f query.Filter, by query.Facets) (*query.Counts, error) {
	counter, ok := r.store.(query.Counter)
	if !ok || !r.mask.shows() || !composes(&r.within, &f) {
		return nil, errors.ErrUnsupported
	}
	return counter.CountRecords(ctx, r.narrow(f), by)
}

// narrow returns a filter for the store. It selects all records that match both filters, and
// perhaps more.
func (r *Reader) narrow(f query.Filter) query.Filter {
	w := &r.within
	if !r.mask.shows() { // it would compare what is hidden
		f.Not = nil
		if !r.mask.visible("tenant") {
			f.Tenants = nil
		}
		if !r.mask.visible("channel") {
			f.Channels = nil
		}
	}
	if !composes(w, &f) || !r.mask.shows() {
		f.Limit = 0 // some may be dropped
	}
	either(&f.IDs, w.IDs)
	either(&f.Actors, w.Actors)
	either(&f.ActorTypes, w.ActorTypes)
	either(&f.OnBehalfOf, w.OnBehalfOf)
	f.Delegated = f.Delegated || w.Delegated
	either(&f.Sessions, w.Sessions)
	either(&f.Tenants, w.Tenants)
	either(&f.Channels, w.Channels)
	either(&f.Actions, w.Actions)
	either(&f.Operations, w.Operations)
	either(&f.Outcomes, w.Outcomes)
	either(&f.Kinds, w.Kinds)
	either(&f.Targets, w.Targets)
	either(&f.TargetTypes, w.TargetTypes)
	either(&f.Changed, w.Changed)
	either(&f.Attempts, w.Attempts)
	either(&f.Stages, w.Stages)
	either(&f.TraceIDs, w.TraceIDs)
	either(&f.Metadata, w.Metadata)
	either(&f.Resource, w.Resource)
	f.Not = append(append([]query.Filter(nil), f.Not...), w.Not...)
	f.Reason, f.Failure, f.Text = words(f.Reason, w.Reason), words(f.Failure, w.Failure), words(f.Text, w.Text)
	if w.Since.After(f.Since) {
		f.Since = w.Since
	}
	if !w.Until.IsZero() && (f.Until.IsZero() || w.Until.Before(f.Until)) {
		f.Until = w.Until
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since) {
		f.Until = f.Since // nothing
	}
	return f
}

func either[T any](list *[]T, within []T) {
	if len(*list) == 0 {
		*list = within
	}
}

// maxWords is the length of the longest text that words are searched of, in bytes.
const maxWords = 1024

// words joins words that must all be found. Those that have no room are compared later.
func words(a, b string) string {
	if joined := strings.TrimSpace(a + " " + b); len(joined) <= maxWords {
		return joined
	}
	return a
}

// composes reports whether the narrowed filter selects exactly the records that match both:
// at most one of them sets each field that is a list.
func composes(w, f *query.Filter) bool {
	for _, both := range []bool{
		len(w.IDs) > 0 && len(f.IDs) > 0, len(w.Actors) > 0 && len(f.Actors) > 0, len(w.ActorTypes) > 0 && len(f.ActorTypes) > 0,
		len(w.OnBehalfOf) > 0 && len(f.OnBehalfOf) > 0, len(w.Sessions) > 0 && len(f.Sessions) > 0,
		len(w.Tenants) > 0 && len(f.Tenants) > 0, len(w.Channels) > 0 && len(f.Channels) > 0, len(w.Actions) > 0 && len(f.Actions) > 0,
		len(w.Operations) > 0 && len(f.Operations) > 0, len(w.Outcomes) > 0 && len(f.Outcomes) > 0, len(w.Kinds) > 0 && len(f.Kinds) > 0,
		len(w.Targets) > 0 && len(f.Targets) > 0, len(w.TargetTypes) > 0 && len(f.TargetTypes) > 0, len(w.Changed) > 0 && len(f.Changed) > 0,
		len(w.Attempts) > 0 && len(f.Attempts) > 0, len(w.Stages) > 0 && len(f.Stages) > 0, len(w.TraceIDs) > 0 && len(f.TraceIDs) > 0,
		len(w.Metadata) > 0 && len(f.Metadata) > 0, len(w.Resource) > 0 && len(f.Resource) > 0,
		len(w.Reason)+len(f.Reason)+1 > maxWords, len(w.Failure)+len(f.Failure)+1 > maxWords, len(w.Text)+len(f.Text)+1 > maxWords,
		!f.Since.IsZero() && !w.Until.IsZero() && !f.Since.Before(w.Until), !f.Until.IsZero() && !w.Since.IsZero() && !w.Since.Before(f.Until),
	} {
		if both {
			return false
		}
	}
	return true
}
