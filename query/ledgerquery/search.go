package ledgerquery

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/record"
)

// search is a valid filter, prepared for matching entries.
type search struct {
	query.Filter
	matcher  *query.Matcher
	after    *query.Position
	patterns [][]byte // texts that the canonical JSON of every match contains
	scans    bool     // the JSON of an entry can rule it out

	lines bool // it is for lines, not for records
}

func newSearch(f query.Filter, lines bool) (*search, error) {
	matcher, err := query.NewMatcher(f)
	if err != nil {
		return nil, err
	}
	s := &search{Filter: f, matcher: matcher, lines: lines}
	if f.After != "" {
		after, _ := query.ParseCursor(f.After) // validated
		s.after = &after
	}
	for _, texts := range [][]string{idsOf(f.Actors, actorID), idsOf(f.Targets, targetID), f.TargetTypes, f.Tenants, f.Channels, f.Sessions} {
		if len(texts) == 1 && texts[0] != "" && isPlainJSON(texts[0]) {
			kept, _ := record.CutName(texts[0])
			s.patterns = append(s.patterns, []byte(`"`+kept+`"`))
		}
	}
	if len(f.TraceIDs) == 1 {
		s.patterns = append(s.patterns, []byte(`"`+f.TraceIDs[0].String()+`"`))
	}
	for _, kv := range f.Metadata {
		if isPlainJSON(string(kv.Key)) {
			s.patterns = append(s.patterns, []byte(`"`+string(kv.Key)+`"`))
		}
	}
	s.scans = len(s.patterns) > 0 || f.Text != "" || f.Reason != "" || f.Failure != ""
	return s, nil
}

func actorID(a audit.Actor) string   { return a.ID }
func targetID(t audit.Target) string { return t.ID }

// idsOf returns the IDs of actors or targets.
func idsOf[T any](values []T, id func(T) string) []string {
	var ids []string
	for _, v := range values {
		ids = append(ids, id(v))
	}
	return ids
}

// hasTerms reports whether an index can rule out entries, other than by their times.
func (s *search) hasTerms() bool {
	words := index.WordsOf(&s.Filter)
	return len(index.Clauses(&s.Filter, index.Hasher{})) > 0 || words.Len() > 0
}

// isPlainJSON reports whether canonical JSON encodes a text without escapes.
func isPlainJSON(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// mayMatch reports whether an entry may match. It searches the record's JSON, which is
// faster than decoding it.
func (s *search) mayMatch(json []byte) bool {
	missing := func(p []byte) bool { return !bytes.Contains(json, p) }
	if slices.ContainsFunc(s.patterns, missing) || !s.matcher.MayMatchJSON(json) {
		return hasOddEscape(json) // which may stand for what is missing
	}
	return true
}

// hasOddEscape reports whether JSON has an escape that canonical JSON does not have.
func hasOddEscape(json []byte) bool {
	for {
		n := bytes.IndexByte(json, '\\')
		if n < 0 {
			return false
		}
		json = json[n+1:]
		switch {
		case len(json) > 0 && strings.IndexByte(`"\bfnrt`, json[0]) >= 0:
		case len(json) > 3 && (string(json[:4]) == "u000" || string(json[:4]) == "u001"):
		default:
			return true
		}
		json = json[1:]
	}
}

// times returns the bounds of the times of records that can match, both included, in the
// nanoseconds of package index.
func (s *search) times() (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !s.Since.IsZero() {
		from = index.Nanoseconds(s.Since)
	}
	if !s.Until.IsZero() {
		to = index.Nanoseconds(s.Until)
	}
	switch {
	case s.after == nil:
	case s.Ascending:
		from = max(from, index.Nanoseconds(s.after.Time))
	default:
		to = min(to, index.Nanoseconds(s.after.Time))
	}
	return from, to
}

// key returns the key by which a time, in nanoseconds, is ordered: lower ones come first.
func (s *search) key(nanoseconds int64) int64 {
	if s.Ascending {
		return nanoseconds
	}
	return ^nanoseconds
}

// firstKey returns the lowest key of the times between two.
func (s *search) firstKey(oldest, newest int64) int64 {
	if s.Ascending {
		return s.key(oldest)
	}
	return s.key(newest)
}
