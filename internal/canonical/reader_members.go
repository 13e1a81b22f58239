package canonical

import (
	"encoding/hex"
	"math/bits"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/limits"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// Member is a member of an object.
type Member struct {
	Name     string
	Required bool
}

// Member reads the name of one of the members, which the object may have once each,
// and the colon. seen has a bit for each member that was read.
func (r *Reader) Member(members []Member, seen *uint32) string {
	at := r.pos
	name := r.key()
	// The text is most likely in canonical order.
	likely := bits.Len32(*seen)
	for i := range members {
		i += likely
		if i >= len(members) {
			i -= len(members)
		}
		if members[i].Name != name {
			continue
		}
		if *seen&(1<<i) != 0 {
			r.Fail(at, "the member is repeated")
			return ""
		}
		*seen |= 1 << i
		return name
	}
	r.Fail(at, "the member is unknown")
	return ""
}

// Complete fails if the object that began at start lacks a required member.
func (r *Reader) Complete(start int, members []Member, seen uint32) {
	for i, m := range members {
		if m.Required && seen&(1<<i) == 0 {
			r.Fail(start, "the member "+m.Name+" is missing")
			return
		}
	}
}

// RequireFilled fails if the member that began at start is empty. Equal records must
// have equal members, so an empty string, array or object is always omitted.
func (r *Reader) RequireFilled(start int, filled bool) {
	if !filled {
		r.Fail(start, "it is empty and must be left out")
	}
}

// Text reads a string that is not empty.
func (r *Reader) Text() string {
	start := r.pos
	s := r.String()
	r.RequireFilled(start, s != "")
	return s
}

// Texts reads an array of strings that is not empty.
func (r *Reader) Texts() []string {
	var list []string
	start := r.pos
	for more := r.Open('[', ']'); more; more = r.Next(']') {
		list = append(list, r.String())
	}
	r.RequireFilled(start, len(list) > 0)
	return list
}

// Attributes reads an object of attributes that is not empty, and returns them sorted
// by key.
func (r *Reader) Attributes() []attribute.KeyValue {
	start := r.pos
	kvs := r.object(0)
	r.RequireFilled(start, len(kvs) > 0)
	return kvs
}

// Value reads a value other than null.
func (r *Reader) Value() attribute.Value {
	start := r.pos
	v := r.value(0)
	r.RequireFilled(start, v.Type() != attribute.EMPTY)
	return v
}

// Count reads an integer from 0 to MaxCount.
func (r *Reader) Count() int64 {
	r.Peek()
	at := r.pos
	v := r.number()
	n := v.AsInt64()
	if v.Type() != attribute.INT64 || n < 0 {
		r.Fail(at, "it must be an integer from 0 to 2^53-1")
	}
	return n
}

// ID reads an ID that is not zero.
func (r *Reader) ID() (id audit.ID) {
	start := r.pos
	var text [36]byte
	if s := r.String(); len(s) != copy(text[:], s) || id.UnmarshalText(text[:]) != nil || id.IsZero() {
		r.Fail(start, "it must be a UUID of 36 characters, lowercase, with hyphens, and not zero")
	}
	return id
}

// Time reads a time as Writer.Time writes it, and returns it in UTC.
func (r *Reader) Time() time.Time {
	start := r.pos
	t, ok := parseTime(r.String())
	if !ok {
		r.Fail(start, "it must be a time like 2006-01-02T15:04:05.000000000Z, from 1970 to 9999")
	}
	return t
}

// Enum is a set of constants that package audit defines.
type Enum interface {
	~uint8
	Valid() bool
	String() string
}

// Word reads the word of a constant that is not less than first.
func Word[T Enum](r *Reader, first T) T {
	start := r.pos
	s := r.String()
	for v := first; v.Valid(); v++ {
		if v.String() == s {
			return v
		}
	}
	r.Fail(start, "it is none of the words")
	return first
}

var actorMembers = []Member{
	{Name: "auth_method"},
	{Name: "id"},
	{Name: "name"},
	{Name: "on_behalf_of"},
	{Name: "roles"},
	{Name: "session_id"},
	{Name: "type", Required: true},
}

// Actor reads an actor into a, which must be zero. It fails if the OnBehalfOf chain is
// longer than limits.Delegation.
func (r *Reader) Actor(a *audit.Actor) { r.actor(a, 0) }

// actor reads the actor at the given depth of a chain.
func (r *Reader) actor(a *audit.Actor, depth int) {
	start, seen := r.pos, uint32(0)
	if depth > limits.Delegation {
		r.Fail(start, longChain)
	}
	for more := r.Open('{', '}'); more; more = r.Next('}') {
		switch r.Member(actorMembers, &seen) {
		case "auth_method":
			a.AuthMethod = r.Text()
		case "id":
			a.ID = r.Text()
		case "name":
			a.Name = r.Text()
		case "on_behalf_of":
			a.OnBehalfOf = new(audit.Actor)
			r.actor(a.OnBehalfOf, depth+1)
		case "roles":
			a.Roles = r.Texts()
		case "session_id":
			a.SessionID = r.Text()
		case "type":
			a.Type = Word(r, audit.ActorNone+1)
		}
	}
	r.Complete(start, actorMembers, seen)
}

var markMembers = []Member{{Name: "count"}, {Name: "length"}, {Name: "mark", Required: true}, {Name: "path"}, {Name: "sha256"}}

// Marks reads an array of marks that is not empty.
func (r *Reader) Marks() []mark.Mark {
	var marks []mark.Mark
	start := r.pos
	for more := r.Open('[', ']'); more; more = r.Next(']') {
		marks = append(marks, r.mark())
	}
	r.RequireFilled(start, len(marks) > 0)
	return marks
}

func (r *Reader) mark() (m mark.Mark) {
	start, seen := r.pos, uint32(0)
	for more := r.Open('{', '}'); more; more = r.Next('}') {
		switch r.Member(markMembers, &seen) {
		case "count":
			m.Count = r.filledCount()
		case "length":
			m.Length = r.filledCount()
		case "mark":
			at := r.pos
			if m.Kind = mark.Kind(r.String()); !names.ValidAction(string(m.Kind)) {
				r.Fail(at, badMarkKind)
			}
		case "path":
			m.Path = r.Text()
		case "sha256":
			at := r.pos
			s := r.String()
			n, err := hex.Decode(m.SHA256[:], []byte(s[:min(len(s), 2*len(m.SHA256))]))
			if err != nil || n != len(m.SHA256) || hex.EncodeToString(m.SHA256[:]) != s || m.SHA256 == [32]byte{} {
				r.Fail(at, badSHA256)
			}
		}
	}
	r.Complete(start, markMembers, seen)
	return m
}

// filledCount reads a count that is not zero.
func (r *Reader) filledCount() int64 {
	start := r.pos
	n := r.Count()
	r.RequireFilled(start, n != 0)
	return n
}
