package archive

import (
	"bytes"
	"cmp"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// search is a valid filter, prepared for matching records.
type search struct {
	query.Filter
	matcher *query.Matcher
	after   *query.Position
}

func newSearch(f query.Filter) (*search, error) {
	m, err := query.NewMatcher(f)
	if err != nil {
		return nil, err
	}
	s := &search{Filter: f, matcher: m}
	if f.After != "" {
		after, _ := query.ParseCursor(f.After) // validated
		s.after = &after
	}
	return s, nil
}

// mayMatch reports whether records with times between two may match. Zero times match
// nothing: there is no record then.
func (s *search) mayMatch(oldest, newest time.Time) bool {
	switch {
	case oldest.IsZero(), !s.Since.IsZero() && newest.Before(s.Since), !s.Until.IsZero() && !oldest.Before(s.Until):
		return false
	case s.after == nil:
		return true
	case s.Ascending:
		return !newest.Before(s.after.Time)
	default:
		return !oldest.After(s.after.Time)
	}
}

// first returns the time of a range that comes first in the order of the search.
func (s *search) first(oldest, newest time.Time) time.Time {
	if s.Ascending {
		return oldest
	}
	return newest
}

// compareTimes compares two times in the order of the search.
func (s *search) compareTimes(a, b time.Time) int {
	if s.Ascending {
		return a.Compare(b)
	}
	return b.Compare(a)
}

// compare compares two records by time and ID, in the order of the search.
func (s *search) compare(a, b *record.Record) int {
	c := cmp.Or(a.Time.Compare(b.Time), bytes.Compare(a.ID[:], b.ID[:]))
	if s.Ascending {
		return c
	}
	return -c
}

// compareCursor compares a record with the last one of the previous page by time and ID, in
// the order of the search. Without a previous page, every record comes after.
func (s *search) compareCursor(r *record.Record) int {
	if s.after == nil {
		return 1
	}
	c := cmp.Or(r.Time.Compare(s.after.Time), bytes.Compare(r.ID[:], s.after.ID[:]))
	if s.Ascending {
		return c
	}
	return -c
}

// comparePositions compares two records of one time and ID, in the order of the search.
func (s *search) comparePositions(a, b query.Position) int {
	if s.Ascending {
		return a.Compare(b)
	}
	return b.Compare(a)
}
