package scan

import (
	"math"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/internal/limits"
)

// Record is what was found in the JSON of a record.
type Record struct {
	Time    time.Time
	ID      audit.ID
	Attempt audit.ID

	Kind      audit.Kind
	Operation audit.Operation
	Outcome   audit.Outcome
	ActorType audit.ActorType // of the first actor

	// Members are the members, in the order of the JSON.
	Members []Member
}

// Member is a member whose value is a part of a text.
type Member struct {
	Path     Path
	From, To uint16
}

// Value returns the value of a member in the text that was scanned.
func (m Member) Value(text string) string { return text[m.From:m.To] }

// Text returns the value of a member that is a string, with its escapes and without its quotes.
func (m Member) Text(text string) string { return text[m.From+1 : m.To-1] }

// Scanner scans records. It must not be used concurrently. The zero value is ready.
type Scanner struct {
	resource string // of the last record that had one, and so on
	tracker  string
}

// Record sets r to what is in a record. It reports false unless the text is the canonical JSON
// of a record: what record.Record.AppendJSON would write. For some rare values, and for texts of
// more than 65,535 bytes, it reports false nevertheless; then the record must be decoded. r
// keeps the memory of its members.
func (c *Scanner) Record(text string, r *Record) bool {
	*r = Record{Members: r.Members[:0]}
	if len(text) > math.MaxUint16 {
		return false
	}
	w := walker{Scanner: canonical.NewScanner(text), Record: r}
	w.record(c)
	return !w.Failed() && w.AtEnd()
}

// walker scans one record.
type walker struct {
	canonical.Scanner
	*Record
}

func (w *walker) record(c *Scanner) {
	w.Need(`{"action":`)
	at := w.Pos()
	w.Action()
	w.add(Action, at)
	w.Need(`,"actor":`)
	at = w.begin(Actor)
	w.ActorType = w.actor(0)
	w.end(at)
	if w.Has(`,"attempt":`) {
		at := w.Pos()
		w.Attempt = w.Scanner.ID()
		w.add(Attempt, at)
	}
	if w.Has(`,"bulk":`) {
		w.bulk()
	}
	if w.Has(`,"changes":`) {
		w.changes()
	}
	w.text(Channel, `,"channel":`)
	if w.Has(`,"covers":`) {
		w.covers()
	}
	w.text(Failure, `,"failure":`)
	w.Need(`,"id":`)
	at = w.Pos()
	w.Record.ID = w.Scanner.ID()
	w.add(ID, at)
	w.Need(`,"kind":`)
	at = w.Pos()
	w.Kind = canonical.ScanWord(&w.Scanner, audit.KindIntent)
	w.add(Kind, at)
	if w.Has(`,"marks":`) {
		at := w.Pos()
		w.Marks()
		w.add(Marks, at)
	}
	w.attributes(Metadata, `,"metadata":`)
	w.rest(c)
}

// rest scans the members from the observed time on.
func (w *walker) rest(c *Scanner) {
	observed := ""
	if w.Has(`,"observed_time":`) {
		at := w.Pos()
		w.Record.Time = w.Scanner.Time()
		observed = w.Since(at)
		w.add(ObservedTime, at)
	}
	if w.Has(`,"operation":`) {
		at := w.Pos()
		w.Operation = canonical.ScanWord(&w.Scanner, audit.OperationUnspecified+1)
		w.add(Operation, at)
	}
	w.Need(`,"outcome":`)
	at := w.Pos()
	w.Outcome = canonical.ScanWord(&w.Scanner, audit.OutcomeUnknown)
	w.add(Outcome, at)
	w.attributes(Overridden, `,"overridden":`)
	w.text(Reason, `,"reason":`)
	if w.Has(`,"redacted":`) {
		at := w.Pos()
		w.Texts()
		w.add(Redacted, at)
	}
	if w.Has(`,"resource":`) {
		at := w.Pos()
		if c.resource == "" || !w.Has(c.resource) {
			w.Attributes()
			c.resource = w.keep(at)
		}
		w.add(Resource, at)
	}
	w.hex(SpanID, `,"span_id":`, 16)
	if w.Has(`,"target":`) {
		at := w.begin(Target)
		w.target(true)
		w.end(at)
	}
	w.text(Tenant, `,"tenant":`)
	w.Need(`,"time":`)
	at = w.Pos()
	if observed == "" || !w.Has(observed) { // which are equal, usually
		w.Record.Time = w.Scanner.Time()
	}
	w.add(Time, at)
	w.hex(TraceID, `,"trace_id":`, 32)
	if w.Has(`,"tracker":`) {
		at := w.Pos()
		if c.tracker == "" || !w.Has(c.tracker) {
			w.Tracker()
			c.tracker = w.keep(at)
		}
		w.add(Tracker, at)
	}
	w.Need("}")
}

// add adds a member whose value began at an offset, and has been scanned.
func (w *walker) add(p Path, from int) {
	w.Members = append(w.Members, Member{p, uint16(from), uint16(w.Pos())})
}

// begin adds a member whose value begins now, and end ends it.
func (w *walker) begin(p Path) (at int) {
	w.add(p, w.Pos())
	return len(w.Members) - 1
}

func (w *walker) end(at int) { w.Members[at].To = uint16(w.Pos()) }

// text scans a member that is a string, if it is next.
func (w *walker) text(p Path, opening string) {
	if w.Has(opening) {
		at := w.Pos()
		w.Text()
		w.add(p, at)
	}
}

func (w *walker) attributes(p Path, opening string) {
	if w.Has(opening) {
		at := w.Pos()
		w.Attributes()
		w.add(p, at)
	}
}

func (w *walker) hex(p Path, opening string, digits int) {
	if w.Has(opening) {
		at := w.Pos()
		w.Hex(digits)
		w.add(p, at)
	}
}

// maxKept is the length of the longest text that is kept to be recognized, in bytes.
const maxKept = 16 << 10

// keep returns the object that began at an offset, which the records of a program have in
// common. Once it has been scanned, comparing it suffices, since no object is the beginning of
// another.
func (w *walker) keep(from int) string {
	if w.Failed() || w.Pos()-from > maxKept {
		return ""
	}
	return strings.Clone(w.Since(from))
}

// actor scans an actor at the given depth of a chain, and returns its type. The members of the
// first one are added.
func (w *walker) actor(depth int) audit.ActorType {
	if depth > limits.Delegation {
		w.Fail()
	}
	member := func(p Path, opening string, scan func()) {
		if !w.Has(opening) {
			return
		}
		at := w.Pos()
		scan()
		if depth == 0 {
			w.add(p, at)
		}
		w.Need(",")
	}
	text := func() { w.Text() }
	w.Need("{")
	member(ActorAuthMethod, `"auth_method":`, text)
	member(ActorID, `"id":`, text)
	member(ActorName, `"name":`, text)
	member(ActorOnBehalfOf, `"on_behalf_of":`, func() { w.actor(depth + 1) })
	member(ActorRoles, `"roles":`, w.Texts)
	member(ActorSessionID, `"session_id":`, text)
	w.Need(`"type":`)
	at := w.Pos()
	kind := canonical.ScanWord(&w.Scanner, audit.ActorNone+1)
	if depth == 0 {
		w.add(ActorType, at)
	}
	w.Need("}")
	return kind
}

func (w *walker) bulk() {
	from := w.Pos()
	w.Need(`{"affected":`)
	w.Count()
	if w.Has(`,"sample":`) {
		w.Texts()
	}
	w.Need(`,"selector":`)
	w.Text()
	w.Need("}")
	w.add(Bulk, from)
}

func (w *walker) changes() {
	from := w.Pos()
	w.Need("[")
	for more := true; more && !w.Failed(); more = w.Has(",") {
		w.Need(`{"field":`)
		w.AnyText()
		if w.Has(`,"new":`) {
			w.Value()
		}
		if w.Has(`,"old":`) {
			w.Value()
		}
		w.Has(`,"redacted":true`)
		w.Need("}")
	}
	w.Need("]")
	w.add(Changes, from)
}

func (w *walker) covers() {
	from := w.Pos()
	w.Need("[")
	for more := true; more && !w.Failed(); more = w.Has(",") {
		w.target(false)
	}
	w.Need("]")
	w.add(Covers, from)
}

// target scans a target that is not empty, and adds its members if it is that of the record.
func (w *walker) target(first bool) {
	w.Need("{")
	member := func(p Path) (last bool) {
		at := w.Pos()
		w.Text()
		if first {
			w.add(p, at)
		}
		if w.Has("}") {
			return true
		}
		w.Need(",")
		return false
	}
	if w.Has(`"id":`) && member(TargetID) || w.Has(`"name":`) && member(TargetName) {
		return
	}
	w.Need(`"type":`)
	at := w.Pos()
	w.Text()
	if first {
		w.add(TargetType, at)
	}
	w.Need("}")
}
