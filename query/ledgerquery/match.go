package ledgerquery

import (
	"bytes"
	"cmp"
	"reflect"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/scan"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/trace"
)

// match is a record that matches. A search for lines has its JSON, and others have the
// decoded record.
type match struct {
	query.Line

	record *record.Record
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

// matcherOfLines matches entries without decoding them, if possible. It must not be used
// concurrently.
type matcherOfLines struct {
	*search

	scanner scan.Scanner
	members scan.Members
	partial record.Record
}

// match matches the record of an entry.
func (s *matcherOfLines) match(data []byte) (m match, ok bool, err error) {
	if !s.lines {
		return s.matchDecoded(data)
	}
	text := string(data)
	if !s.scanner.Record(text, &s.members) {
		return s.matchDecoded(data)
	}
	m.Time, m.ID, m.JSON = s.members.Time, s.members.ID, text
	if s.scannable && s.setPartial() {
		return m, s.matcher.Matches(&s.partial), nil
	}
	var r record.Record
	if err := r.UnmarshalJSON(data); err != nil {
		return m, false, err
	}
	return m, s.matcher.Matches(&r), nil
}

// isScannable reports whether a filter compares nothing but what a scan finds.
func isScannable(f query.Filter) bool {
	for _, excluded := range f.Not {
		if !isScannable(excluded) {
			return false
		}
	}
	f.Not = nil
	f.IDs, f.Attempts, f.TraceIDs = nil, nil, nil
	f.Actors, f.ActorTypes, f.Targets, f.TargetTypes = nil, nil, nil, nil
	f.Actions, f.Operations, f.Outcomes, f.Kinds = nil, nil, nil, nil
	f.Tenants, f.Channels = nil, nil
	f.Since, f.Until = time.Time{}, time.Time{}
	f.Ascending, f.After, f.Limit = false, "", 0
	return reflect.ValueOf(f).IsZero()
}

// setPartial sets the members of the partial record that a scannable filter compares. It
// reports false if some must be decoded.
func (s *matcherOfLines) setPartial() bool {
	m, r := &s.members, &s.partial
	// Marks say whether a name was cut, and what is covered counts as a target.
	if m.Marks || m.Covers {
		return false
	}
	for _, text := range [...]string{m.ActorID, m.TargetType, m.TargetID, m.Tenant, m.Channel} {
		if strings.IndexByte(text, '\\') >= 0 {
			return false
		}
	}
	r.ID, r.Attempt, r.Time = m.ID, m.Attempt, m.Time
	r.Kind, r.Operation, r.Outcome, r.Action = m.Kind, m.Operation, m.Outcome, m.Action
	r.Actor = audit.Actor{Type: m.ActorType, ID: m.ActorID}
	r.Target = audit.Target{Type: m.TargetType, ID: m.TargetID}
	r.Tenant, r.Channel = m.Tenant, m.Channel
	r.TraceID = trace.TraceID{}
	if m.TraceID != "" {
		r.TraceID, _ = trace.TraceIDFromHex(m.TraceID) // the scanner has checked it
	}
	return true
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
