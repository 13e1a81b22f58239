package ledgerquery

import (
	"bytes"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// search is a valid filter, prepared for matching entries.
type search struct {
	query.Filter
	after    *position
	patterns [][]byte // substrings of the JSON of every match
}

func newSearch(f query.Filter) (*search, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	s := &search{Filter: f}
	if f.After != "" {
		at, id, _ := query.ParseCursor(f.After) // validated
		s.after = &position{at, id}
	}
	for _, text := range []string{f.ActorID, f.TargetType, f.TargetID, f.Tenant, f.Channel, f.TraceID} {
		if text != "" && isPlainJSON(text) {
			s.patterns = append(s.patterns, []byte(`"`+text+`"`))
		}
	}
	for _, kv := range f.Metadata {
		if isPlainJSON(string(kv.Key)) {
			s.patterns = append(s.patterns, []byte(`"`+string(kv.Key)+`":`))
		}
	}
	return s, nil
}

// isPlainJSON reports whether JSON encodes a text without escapes.
func isPlainJSON(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// mayMatch reports whether an entry may match. It searches the record's JSON, which is
// faster than decoding it.
func (s *search) mayMatch(json []byte) bool {
	for _, p := range s.patterns {
		if !bytes.Contains(json, p) {
			return false
		}
	}
	return true
}

// compare compares two positions in the order of the search.
func (s *search) compare(p, q position) int {
	if s.Ascending {
		return p.compare(q)
	}
	return q.compare(p)
}

// position is the place of a record in the order of time.
type position struct {
	time time.Time
	id   audit.ID
}

func positionOf(r *record.Record) position { return position{r.Time, r.ID} }

// compare compares times, then IDs.
func (p position) compare(q position) int {
	if c := p.time.Compare(q.time); c != 0 {
		return c
	}
	return bytes.Compare(p.id[:], q.id[:])
}
