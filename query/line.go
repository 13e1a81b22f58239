package query

import (
	"context"
	"crypto/sha256"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/query/internal/scan"
	"github.com/opendeed/audit/record"
)

// Line is a record as its canonical JSON: what record.Record.AppendJSON appends.
type Line struct {
	// Time and ID are those of the record.
	Time time.Time
	ID   audit.ID
	// JSON is the record, without a line feed.
	JSON string

	found *scanned // nil: the JSON was not scanned
}

// scanned is what a LineScanner found besides the time and the ID.
type scanned struct {
	members   []scan.Member
	kind      audit.Kind
	operation audit.Operation
	outcome   audit.Outcome
	actorType audit.ActorType
	more      bool // it has marks, or covers further targets
}

// LineOf returns the line of a record, or why it has no JSON.
func LineOf(r *record.Record) (Line, error) {
	json, err := r.AppendJSON(nil)
	return Line{Time: r.Time, ID: r.ID, JSON: string(json)}, err
}

// Position returns the position of the record, as PositionOf does.
func (l *Line) Position() Position {
	p := Position{Time: l.Time, ID: l.ID}
	sum := sha256.Sum256([]byte(l.JSON))
	copy(p.Digest[:], sum[:])
	return p
}

// Cursor returns the cursor of the record, as CursorOf does.
func (l *Line) Cursor() string { return l.Position().Cursor() }

// Members returns the members of the JSON with their values, which are JSON, in order. Those
// of the actor and of the target follow it, under paths such as "actor.id".
func (l *Line) Members() iter.Seq2[string, string] {
	return func(yield func(path, value string) bool) {
		if l.found == nil {
			eachMember(l.JSON, "", yield)
			return
		}
		for _, m := range l.found.members {
			if !yield(m.Path.String(), m.Value(l.JSON)) {
				return
			}
		}
	}
}

// eachMember yields the members of an object, which is canonical JSON, with their paths.
func eachMember(object, prefix string, yield func(path, value string) bool) bool {
	if len(object) < 2 || object[0] != '{' {
		return true
	}
	for rest := object[1:]; rest != "" && rest[0] == '"'; {
		n := canonical.ValueEnd(rest)
		if n >= len(rest) || rest[n] != ':' {
			return true
		}
		name := rest[1 : n-1]
		rest = rest[n+1:]
		end := canonical.ValueEnd(rest)
		if !yield(prefix+name, rest[:end]) {
			return false
		}
		if prefix == "" && (name == "actor" || name == "target") && !eachMember(rest[:end], name+".", yield) {
			return false
		}
		rest = strings.TrimPrefix(rest[end:], ",")
	}
	return true
}

// LineScanner makes lines of canonical JSON without decoding it. It must not be used
// concurrently. The zero value is ready.
type LineScanner struct {
	scanner scan.Scanner
	record  scan.Record
	// Lines share memory, which is allocated for some at a time.
	members []scan.Member
	found   []scanned
}

const (
	foundAtOnce   = 64
	membersAtOnce = 32 * foundAtOnce
)

// Scan returns the line of a record. It reports false unless json is the canonical JSON of a
// record, and for some rare values and more than 65,535 bytes; then the record must be decoded.
func (s *LineScanner) Scan(json string) (l Line, ok bool) {
	r := &s.record
	if !s.scanner.Record(json, r) {
		return l, false
	}
	if len(s.found) == 0 {
		s.found = make([]scanned, foundAtOnce)
	}
	if len(s.members) < len(r.Members) {
		s.members = make([]scan.Member, membersAtOnce)
	}
	found, n := &s.found[0], copy(s.members, r.Members)
	*found = scanned{members: s.members[:n:n], kind: r.Kind, operation: r.Operation, outcome: r.Outcome, actorType: r.ActorType}
	found.more = slices.ContainsFunc(found.members, func(m scan.Member) bool { return m.Path == scan.Covers || m.Path == scan.Marks })
	s.found, s.members = s.found[1:], s.members[n:]
	return Line{Time: r.Time, ID: r.ID, JSON: json, found: found}, true
}

// LineReader is implemented by a Reader that can find records without decoding them.
type LineReader interface {
	Reader
	// FindLines returns the records that Find would return, and its errors.
	FindLines(ctx context.Context, f Filter) iter.Seq2[Line, error]
}

// Lines returns the records that Find would return as their JSON, for exports and other
// programs. A Reader that is a [LineReader] does so several times faster than Find.
func Lines(ctx context.Context, reader Reader, f Filter) iter.Seq2[Line, error] {
	if r, ok := reader.(LineReader); ok {
		return r.FindLines(ctx, f)
	}
	return func(yield func(Line, error) bool) {
		for r, err := range reader.Find(ctx, f) {
			line := Line{}
			if err == nil {
				line, err = LineOf(r)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}
