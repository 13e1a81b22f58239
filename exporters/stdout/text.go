package stdout

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// text is the format for people. Everything that a record says goes through the
// functions of text_value.go, which let nothing past that could forge a line or
// command the terminal.
type text struct{ color bool }

const (
	timeLayout   = "2006-01-02T15:04:05.000Z"
	outcomeWidth = 9
	actionWidth  = 22
	indent       = "    "

	clientAddress = attribute.Key("client.address")
)

// append appends the record. It never fails.
func (t text) append(b []byte, r *record.Record) ([]byte, error) {
	b = t.styled(b, dim, func(b []byte) []byte { return r.Time.UTC().AppendFormat(b, timeLayout) })
	b = append(b, "  "...)
	b = t.column(b, outcomeStyle(r.Outcome), outcomeWidth, r.Outcome.String())
	b = t.column(b, bold, actionWidth, r.Action)
	b = appendActor(b, &r.Actor)
	b = appendTarget(b, r.Target)
	if r.Kind == audit.KindSignal {
		b = t.styled(append(b, "  "...), cyan, func(b []byte) []byte { return append(b, "[signal]"...) })
	}
	b = append(b, '\n')

	b = appendWhere(b, r)
	if r.Reason != "" {
		b = t.label(b, dim, "reason")
		b = append(appendProse(b, r.Reason), '\n')
	}
	if !r.Bulk.IsZero() {
		b = t.label(b, dim, "bulk")
		b = append(appendBulk(b, &r.Bulk), '\n')
	}
	for i := range r.Changes {
		b = appendChange(b, &r.Changes[i])
	}
	if len(r.Overridden) > 0 {
		b = t.label(b, yellow, "overridden")
		b = append(appendList(b, r.Overridden, appendMetadata), '\n')
	}
	if len(r.Redacted) > 0 {
		b = t.label(b, dim, "redacted")
		b = append(appendList(b, r.Redacted, appendToken), '\n')
	}
	if len(r.Marked) > 0 {
		b = t.label(b, yellow, "marked")
		b = append(appendList(b, r.Marked, appendToken), '\n')
	}
	return b, nil
}

func (t text) styled(b []byte, s style, write func([]byte) []byte) []byte {
	if !t.color {
		return write(b)
	}
	b = append(b, s...)
	b = write(b)
	return append(b, plain...)
}

// column appends a word and spaces up to the width, one at least.
func (t text) column(b []byte, s style, width int, word string) []byte {
	var written int
	b = t.styled(b, s, func(b []byte) []byte {
		before := len(b)
		b = appendToken(b, word)
		written = len(b) - before
		return b
	})
	for range max(1, width-written) {
		b = append(b, ' ')
	}
	return b
}

// label starts a line below the record's first.
func (t text) label(b []byte, s style, word string) []byte {
	b = append(b, indent...)
	b = t.styled(b, s, func(b []byte) []byte { return append(b, word...) })
	return append(b, ": "...)
}

func outcomeStyle(o audit.Outcome) style {
	switch o {
	case audit.OutcomeSuccess:
		return green
	case audit.OutcomeFailure, audit.OutcomeDenied:
		return red
	default:
		return yellow
	}
}

// appendActor appends e.g. user 42 (Alice) via jwt, for user 7.
func appendActor(b []byte, a *audit.Actor) []byte {
	for behind := 0; a != nil && behind <= audit.MaxDelegation; behind++ {
		if behind > 0 {
			b = append(b, ", for "...)
		}
		b = appendToken(b, a.Type.String())
		if a.ID != "" {
			b = appendToken(append(b, ' '), a.ID)
		}
		if a.Name != "" {
			b = append(appendName(append(b, " ("...), a.Name), ')')
		}
		if a.AuthMethod != "" {
			b = appendToken(append(b, " via "...), a.AuthMethod)
		}
		a = a.OnBehalfOf
	}
	return b
}

// appendTarget appends e.g. → article/1001 "Hello".
func appendTarget(b []byte, target audit.Target) []byte {
	if target == (audit.Target{}) {
		return b
	}
	b = appendTokenBefore("/", append(b, " → "...), target.Type)
	if target.ID != "" {
		b = appendToken(append(b, '/'), target.ID)
	}
	if target.Name != "" {
		b = strconv.AppendQuote(append(b, ' '), target.Name)
	}
	return b
}

// appendWhere appends a line such as tenant acme, channel api, from 10.0.0.1.
func appendWhere(b []byte, r *record.Record) []byte {
	lead := indent
	part := func(word, value string) {
		if value != "" {
			b = appendToken(append(append(append(b, lead...), word...), ' '), value)
			lead = ", "
		}
	}
	part("tenant", r.Tenant)
	part("channel", r.Channel)
	if !r.Attempt.IsZero() {
		part("attempt", r.Attempt.String())
	}
	for _, kv := range r.Metadata {
		if kv.Key == clientAddress {
			part("from", kv.Value.String())
		}
	}
	if lead != indent {
		b = append(b, '\n')
	}
	return b
}

// maxSampleShown is how many ids of a sample are shown.
const maxSampleShown = 5

// appendBulk appends e.g. 1204 of status=draft, such as 1, 2, 3.
func appendBulk(b []byte, k *audit.Bulk) []byte {
	b = append(strconv.AppendInt(b, k.Affected, 10), " of "...)
	b = appendProse(b, k.Selector)
	if n := min(len(k.Sample), maxSampleShown); n > 0 {
		b = appendList(append(b, ", such as "...), k.Sample[:n], appendToken)
	}
	return b
}

// appendChange appends a line such as ~ title: "Old" → "New".
func appendChange(b []byte, c *audit.Change) []byte {
	value := appendValue
	if c.Redacted {
		value = appendMask
	}
	came, went := c.New.Type() != attribute.EMPTY, c.Old.Type() != attribute.EMPTY
	sign := "~ "
	switch {
	case came && !went:
		sign = "+ "
	case went && !came:
		sign = "- "
	}
	b = append(append(b, indent...), sign...)
	b = append(appendTokenBefore(":", b, c.Field), ": "...)
	switch {
	case c.Redacted && c.Old == c.New:
		b = value(b, c.New)
	case came && went:
		b = value(b, c.Old)
		b = append(b, " → "...)
		b = value(b, c.New)
	case went:
		b = value(b, c.Old)
	default:
		b = value(b, c.New)
	}
	return append(b, '\n')
}

func appendMetadata(b []byte, kv attribute.KeyValue) []byte {
	b = append(appendToken(b, string(kv.Key)), ' ')
	return appendValue(b, kv.Value)
}
