package ledgerquery

import (
	"bytes"
	"cmp"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// match is a record that matches. A search for lines has its JSON, and others have the
// decoded record.
type match struct {
	query.Line

	record *record.Record
	seq    uint64 // of the entry
}

// position returns the position of the record.
func (m *match) position() query.Position {
	if m.record != nil {
		return query.PositionOf(m.record)
	}
	return m.Position()
}

// matchDecoded decodes an entry and matches its record.
func (s *search) matchDecoded(data []byte) (m match, ok bool, err error) {
	r := new(record.Record)
	if err := r.UnmarshalJSON(data); err != nil {
		return m, false, err
	}
	if !s.matcher.Matches(r) {
		return m, false, nil
	}
	if !s.lines {
		return match{Line: query.Line{Time: r.Time, ID: r.ID}, record: r}, true, nil
	}
	m.Line, err = query.LineOf(r)
	return m, err == nil, err
}

// entryMatcher matches entries, without decoding them if it can. It must not be used
// concurrently.
type entryMatcher struct {
	*search

	scanner query.LineScanner
}

// match matches the record of an entry.
func (s *entryMatcher) match(data []byte) (m match, ok bool, err error) {
	if !s.lines {
		return s.matchDecoded(data)
	}
	line, ok := s.scanner.Scan(string(data))
	if !ok {
		return s.matchDecoded(data)
	}
	ok, err = s.matcher.MatchesLine(&line)
	return match{Line: line}, ok, err
}

// compare compares two matches in the order of the search.
func (s *search) compare(a, b match) int {
	c := cmp.Or(a.Time.Compare(b.Time), bytes.Compare(a.ID[:], b.ID[:]))
	if c == 0 { // two records with one ID
		c = a.position().Compare(b.position())
	}
	if s.Ascending {
		return c
	}
	return -c
}

// isAfterCursor reports whether a match belongs to the page after Filter.After.
func (s *search) isAfterCursor(m *match) bool {
	if s.after == nil {
		return true
	}
	c := cmp.Or(m.Time.Compare(s.after.Time), bytes.Compare(m.ID[:], s.after.ID[:]))
	if c == 0 {
		c = m.position().Compare(*s.after)
	}
	if s.Ascending {
		return c > 0
	}
	return c < 0
}
