package canonical

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/limits"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// Text appends a string member. It omits an empty one.
func (w *Writer) Text(b []byte, opening, s string) []byte {
	if s == "" {
		return b
	}
	b = append(b, opening...)
	return w.String(b, s, ',')
}

// Texts appends a member that is an array of strings. It omits an empty one.
func (w *Writer) Texts(b []byte, opening string, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, opening...)
	b = w.strings(b, list)
	return append(b, ',')
}

// Attributes appends a member that is an object of attributes. It omits an empty one.
func (w *Writer) Attributes(b []byte, opening string, kvs []attribute.KeyValue) []byte {
	if len(kvs) == 0 {
		return b
	}
	b = append(b, opening...)
	b = w.object(b, kvs, 0)
	return append(b, ',')
}

// ID appends an ID. The opening includes the quote before it.
func (w *Writer) ID(b []byte, opening string, id audit.ID) []byte {
	b = append(b, opening...)
	if id.IsZero() {
		w.Fail(b, "it is missing")
	}
	b, _ = id.AppendText(b) // never fails
	return append(b, `",`...)
}

// Word appends the word of a constant. It fails if the constant is not known.
func (w *Writer) Word(b []byte, opening, word string, known bool) []byte {
	b = append(b, opening...)
	if !known {
		w.Fail(b, "its value is none of the constants")
	}
	b = append(b, '"')
	b = append(b, word...)
	return append(b, `",`...)
}

// MaxCount is the greatest count: the greatest integer that a double holds exactly,
// together with all smaller ones.
const MaxCount = maxPlainInt

// Count appends an integer from 0 to MaxCount.
func (w *Writer) Count(b []byte, opening string, n int64) []byte {
	b = append(b, opening...)
	if n < 0 || n > MaxCount {
		w.Fail(b, "it must be from 0 to 2^53-1")
	}
	b = strconv.AppendInt(b, n, 10)
	return append(b, ',')
}

// Time appends a time from the years 1970 to 9999, in UTC and with nanoseconds.
func (w *Writer) Time(b []byte, t time.Time) []byte {
	if !ValidTime(t) {
		w.Fail(b, "it must be between the years 1970 and 9999")
		return append(b, `"",`...)
	}
	b = append(b, '"')
	b = appendTime(b, t)
	return append(b, `",`...)
}

const longChain = "the chain of actors is too long, or circular"

// Actor appends an actor, who acts for the actors of its OnBehalfOf chain. It fails if
// the chain is longer than limits.Delegation. It writes session IDs as they are.
func (w *Writer) Actor(b []byte, a *audit.Actor) []byte { return w.actor(b, a, 0) }

// actor appends the actor at the given depth of a chain.
func (w *Writer) actor(b []byte, a *audit.Actor, depth int) []byte {
	b = append(b, '{')
	b = w.Text(b, `"auth_method":`, a.AuthMethod)
	b = w.Text(b, `"id":`, a.ID)
	b = w.Text(b, `"name":`, a.Name)
	if a.OnBehalfOf != nil {
		b = append(b, `"on_behalf_of":`...)
		if depth < limits.Delegation {
			b = w.actor(b, a.OnBehalfOf, depth+1)
		} else {
			w.Fail(b, longChain)
		}
	}
	b = w.Texts(b, `"roles":`, a.Roles)
	b = w.Text(b, `"session_id":`, a.SessionID)
	b = w.Word(b, `"type":`, a.Type.String(), a.Type.Valid() && a.Type != audit.ActorNone)
	b[len(b)-1] = '}'
	return append(b, ',')
}

const (
	badMarkKind = "it must be words of lowercase letters, digits and underscores, joined by dots"
	badSHA256   = "it must be 64 hexadecimal digits, lowercase and not all zero"
)

// Marks appends a member that is an array of marks. It omits an empty one.
func (w *Writer) Marks(b []byte, opening string, marks []mark.Mark) []byte {
	if len(marks) == 0 {
		return b
	}
	b = append(b, opening...)
	b = append(b, '[')
	for i := range marks {
		b = w.mark(b, &marks[i])
	}
	b[len(b)-1] = ']'
	return append(b, ',')
}

func (w *Writer) mark(b []byte, m *mark.Mark) []byte {
	b = append(b, '{')
	if m.Count != 0 {
		b = w.Count(b, `"count":`, m.Count)
	}
	if m.Length != 0 {
		b = w.Count(b, `"length":`, m.Length)
	}
	b = append(b, `"mark":`...)
	if !names.ValidAction(string(m.Kind)) {
		w.Fail(b, badMarkKind)
	}
	b = w.String(b, string(m.Kind), ',')
	b = w.Text(b, `"path":`, m.Path)
	if m.SHA256 != [32]byte{} {
		b = append(b, `"sha256":"`...)
		b = hex.AppendEncode(b, m.SHA256[:])
		b = append(b, `",`...)
	}
	b[len(b)-1] = '}'
	return append(b, ',')
}
