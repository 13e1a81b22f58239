package scan

import (
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
)

// Members are those members of a record that most filters compare. Texts are as they are in
// the JSON.
type Members struct {
	Time    time.Time
	ID      audit.ID
	Attempt audit.ID

	Kind      audit.Kind
	Operation audit.Operation
	Outcome   audit.Outcome

	Action               string
	ActorType            audit.ActorType
	ActorID              string
	TargetType, TargetID string
	Tenant, Channel      string
	TraceID              string

	// Covers reports whether the record covers further targets, and Marks whether it has
	// marks.
	Covers, Marks bool
}

// Scanner scans records. It must not be used concurrently. The zero value is ready.
type Scanner struct {
	resource string // of the last record that had one, and so on
	tracker  string
}

// Record sets m to the members of a record. It reports false unless the text is the
// canonical JSON of a record: what record.Record.AppendJSON would write. For some rare
// values it reports false nevertheless; then the record must be decoded. The texts of m share
// the memory of the text.
func (c *Scanner) Record(text string, m *Members) bool {
	*m = Members{}
	s := canonical.NewScanner(text)
	s.Need(`{"action":`)
	m.Action = s.Action()
	s.Need(`,"actor":`)
	m.ActorType, m.ActorID = s.Actor()
	if s.Has(`,"attempt":`) {
		m.Attempt = s.ID()
	}
	if s.Has(`,"bulk":`) {
		bulk(&s)
	}
	if s.Has(`,"changes":[`) {
		changes(&s)
	}
	if s.Has(`,"channel":`) {
		m.Channel = s.Text()
	}
	if s.Has(`,"covers":[`) {
		m.Covers = true
		covers(&s)
	}
	if s.Has(`,"failure":`) {
		s.Text()
	}
	s.Need(`,"id":`)
	m.ID = s.ID()
	s.Need(`,"kind":`)
	m.Kind = canonical.ScanWord(&s, audit.KindIntent)
	if s.Has(`,"marks":`) {
		m.Marks = true
		s.Marks()
	}
	if s.Has(`,"metadata":`) {
		s.Attributes()
	}
	var observed string
	if s.Has(`,"observed_time":`) {
		start := s.Pos()
		m.Time = s.Time()
		observed = s.Since(start)
	}
	if s.Has(`,"operation":`) {
		m.Operation = canonical.ScanWord(&s, audit.OperationUnspecified+1)
	}
	s.Need(`,"outcome":`)
	m.Outcome = canonical.ScanWord(&s, audit.OutcomeUnknown)
	if s.Has(`,"overridden":`) {
		s.Attributes()
	}
	if s.Has(`,"reason":`) {
		s.Text()
	}
	if s.Has(`,"redacted":`) {
		s.Texts()
	}
	c.rest(&s, m, observed)
	return !s.Failed() && s.AtEnd()
}

// rest scans the members from the resource on. observed is the text of the observed time, which
// m has.
func (c *Scanner) rest(s *canonical.Scanner, m *Members, observed string) {
	if s.Has(`,"resource":`) && (c.resource == "" || !s.Has(c.resource)) {
		start := s.Pos()
		s.Attributes()
		c.resource = keep(s, start)
	}
	if s.Has(`,"span_id":`) {
		s.Hex(16)
	}
	if s.Has(`,"target":`) {
		m.TargetType, m.TargetID = target(s)
	}
	if s.Has(`,"tenant":`) {
		m.Tenant = s.Text()
	}
	s.Need(`,"time":`)
	if observed == "" || !s.Has(observed) { // which are equal, usually
		m.Time = s.Time()
	}
	if s.Has(`,"trace_id":`) {
		m.TraceID = s.Hex(32)
	}
	if s.Has(`,"tracker":`) && (c.tracker == "" || !s.Has(c.tracker)) {
		start := s.Pos()
		tracker(s)
		c.tracker = keep(s, start)
	}
	s.Need("}")
}

// maxKept is the length of the longest text that is kept to be recognized, in bytes.
const maxKept = 16 << 10

// keep returns the object that began at an offset, which the records of a program have in
// common. Once it has been scanned, comparing it suffices, since no object is the beginning of
// another.
func keep(s *canonical.Scanner, start int) string {
	text := s.Since(min(start, s.Pos()))
	if s.Failed() || len(text) > maxKept {
		return ""
	}
	return strings.Clone(text)
}

func bulk(s *canonical.Scanner) {
	s.Need(`{"affected":`)
	s.Count()
	if s.Has(`,"sample":`) {
		s.Texts()
	}
	s.Need(`,"selector":`)
	s.Text()
	s.Need("}")
}

func changes(s *canonical.Scanner) {
	for more := true; more && !s.Failed(); more = s.Has(",") {
		s.Need(`{"field":`)
		s.AnyText()
		if s.Has(`,"new":`) {
			s.Value()
		}
		if s.Has(`,"old":`) {
			s.Value()
		}
		s.Has(`,"redacted":true`)
		s.Need("}")
	}
	s.Need("]")
}

func covers(s *canonical.Scanner) {
	for more := true; more && !s.Failed(); more = s.Has(",") {
		target(s)
	}
	s.Need("]")
}

// target scans a target that is not empty.
func target(s *canonical.Scanner) (kind, id string) {
	s.Need("{")
	if s.Has(`"id":`) {
		if id = s.Text(); s.Has("}") {
			return "", id
		}
		s.Need(",")
	}
	if s.Has(`"name":`) {
		if s.Text(); s.Has("}") {
			return "", id
		}
		s.Need(",")
	}
	s.Need(`"type":`)
	kind = s.Text()
	s.Need("}")
	return kind, id
}

// tracker scans a tracker that is not empty.
func tracker(s *canonical.Scanner) {
	s.Need("{")
	if s.Has(`"name":`) {
		s.Text()
		if s.Has(`,"version":`) {
			s.Text()
		}
	} else {
		s.Need(`"version":`)
		s.Text()
	}
	s.Need("}")
}
