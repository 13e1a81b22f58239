package stdout

import (
	"slices"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// text is the text format. It writes every value of a record with the functions in
// text_value.go, which escape whatever could forge a line or control the terminal.
type text struct{ color bool }

const (
	timeLayout   = "2006-01-02T15:04:05.000Z"
	outcomeWidth = 9
	actionWidth  = 22
	indent       = "    "
)

// append appends the record. The error is always nil.
func (t text) append(b []byte, r *record.Record) ([]byte, error) {
	b = t.styled(b, dim, func(b []byte) []byte { return r.Time.UTC().AppendFormat(b, timeLayout) })
	b = append(b, "  "...)
	b = t.column(b, outcomeStyle(r.Outcome), outcomeWidth, outcomeWord(r))
	b = t.column(b, bold, actionWidth, r.Action)
	b = appendActor(b, &r.Actor)
	b = appendTarget(b, r.Target)
	if r.Kind == audit.KindSignal {
		b = t.styled(append(b, "  "...), cyan, func(b []byte) []byte { return append(b, "[signal]"...) })
	}
	b = append(b, '\n')

	b = appendOrigin(b, r)
	if r.Reason != "" {
		b = t.label(b, dim, "reason")
		b = append(appendProse(b, r.Reason), '\n')
	}
	if r.Failure != "" {
		b = t.label(b, red, "failure")
		b = append(appendProse(b, r.Failure), '\n')
	}
	if len(r.Covers) > 0 {
		b = t.label(b, dim, "covers")
		b = append(appendList(b, r.Covers, appendTargetName), '\n')
	}
	if !r.Bulk.IsZero() {
		b = t.label(b, dim, "bulk")
		b = append(appendBulk(b, &r.Bulk), '\n')
	}
	for i := range r.Changes {
		b = appendChange(b, &r.Changes[i])
	}
	if slices.ContainsFunc(r.Metadata, isShown) {
		b = t.label(b, dim, "metadata")
		b = append(appendShown(b, r.Metadata), '\n')
	}
	if len(r.Overridden) > 0 {
		b = t.label(b, yellow, "overridden")
		b = append(appendList(b, r.Overridden, appendMetadata), '\n')
	}
	if len(r.Redacted) > 0 {
		b = t.label(b, dim, "redacted")
		b = append(appendList(b, r.Redacted, appendToken), '\n')
	}
	if len(r.Marks) > 0 {
		b = t.label(b, yellow, "marks")
		b = append(appendList(b, r.Marks, appendMark), '\n')
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

// column appends a word, padded with spaces to the width, at least one.
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

// label starts an indented line.
func (t text) label(b []byte, s style, word string) []byte {
	b = append(b, indent...)
	b = t.styled(b, s, func(b []byte) []byte { return append(b, word...) })
	return append(b, ": "...)
}

// outcomeWord returns the outcome, or "begun" for the first record of an attempt, which has none:
// one that is unknown is that of an attempt which nobody has finished.
func outcomeWord(r *record.Record) string {
	if r.Outcome == audit.OutcomeUnknown && r.BeginsAttempt() {
		return "begun"
	}
	return r.Outcome.String()
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

// appendActor appends an actor, such as: user 42 (Alice) via jwt, for user 7.
func appendActor(b []byte, a *audit.Actor) []byte {
	for n := 0; a != nil && n <= record.MaxDelegation; n++ {
		if n > 0 {
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

// appendTarget appends a target, such as: → article/1001 "Hello".
func appendTarget(b []byte, target audit.Target) []byte {
	if target == (audit.Target{}) {
		return b
	}
	return appendTargetName(append(b, " → "...), target)
}

// appendTargetName appends a target, such as: article/1001 "Hello".
func appendTargetName(b []byte, target audit.Target) []byte {
	b = appendTokenBefore("/", b, target.Type)
	if target.ID != "" {
		separator := byte('/')
		if target.ID[0] == '/' {
			separator = ' ' // as in: route /articles/:id
		}
		b = appendToken(append(b, separator), target.ID)
	}
	if target.Name != "" {
		b = strconv.AppendQuote(append(b, ' '), target.Name)
	}
	return b
}

// appendOrigin appends a line such as: tenant acme, channel api, from 10.0.0.1, PUT
// /articles/:id, status 403.
func appendOrigin(b []byte, r *record.Record) []byte {
	separator := indent
	part := func(word, value string) {
		if value != "" {
			b = appendToken(append(append(append(b, separator...), word...), ' '), value)
			separator = ", "
		}
	}
	part("tenant", r.Tenant)
	part("channel", r.Channel)
	if !r.Attempt.IsZero() {
		part("attempt", r.Attempt.String())
	}
	from, request, status := originOf(r.Metadata)
	part("from", from)
	if request != "" {
		b = append(append(b, separator...), request...)
		separator = ", "
	}
	part("status", status)
	if separator != indent {
		b = append(b, '\n')
	}
	return b
}

// appendMark appends a mark, such as: metadata dropped (337), or reason cut (71680 bytes).
func appendMark(b []byte, m mark.Mark) []byte {
	if m.Path != "" {
		b = append(appendToken(b, m.Path), ' ')
	}
	b = appendToken(b, string(m.Kind))
	if m.Count != 0 {
		b = append(strconv.AppendInt(append(b, " ("...), m.Count, 10), ')')
	}
	if m.Length != 0 {
		b = append(strconv.AppendInt(append(b, " ("...), m.Length, 10), " bytes)"...)
	}
	return b
}

// originOf returns what the line of the origin says of a request: the client's address,
// the method and the route, such as "PUT /articles/:id" or "RPC shop.Articles/Publish", and
// the status.
func originOf(metadata []attribute.KeyValue) (from, request, status string) {
	var method, route string
	for _, kv := range metadata {
		switch kv.Key {
		case semconv.ClientAddressKey:
			from = kv.Value.String()
		case semconv.HTTPRequestMethodKey:
			method = kv.Value.String()
		case semconv.HTTPRouteKey:
			route = kv.Value.String()
		case semconv.HTTPResponseStatusCodeKey:
			status = kv.Value.String()
		case semconv.RPCMethodKey:
			method, route = "RPC", kv.Value.String()
		case semconv.RPCResponseStatusCodeKey:
			status = kv.Value.String()
		}
	}
	if method == "" || route == "" {
		return from, "", status
	}
	return from, string(appendToken(append(appendToken(nil, method), ' '), route)), status
}

// maxSample is the number of IDs of a sample that are printed.
const maxSample = 5

// appendBulk appends a bulk, such as: 1204 of status=draft, such as 1, 2, 3.
func appendBulk(b []byte, k *audit.Bulk) []byte {
	b = append(strconv.AppendInt(b, k.Affected, 10), " of "...)
	b = appendProse(b, k.Selector)
	if n := min(len(k.Sample), maxSample); n > 0 {
		b = appendList(append(b, ", such as "...), k.Sample[:n], appendToken)
	}
	return b
}

// appendChange appends a line such as: ~ title: "Old" → "New".
func appendChange(b []byte, c *audit.Change) []byte {
	value := appendValue
	if c.Redacted {
		value = appendMask
	}
	hasNew, hasOld := c.New.Type() != attribute.EMPTY, c.Old.Type() != attribute.EMPTY
	sign := "~ "
	switch {
	case hasNew && !hasOld:
		sign = "+ "
	case hasOld && !hasNew:
		sign = "- "
	}
	b = append(append(b, indent...), sign...)
	b = append(appendTokenBefore(":", b, c.Field), ": "...)
	switch {
	case c.Redacted && c.Old == c.New:
		b = value(b, c.New)
	case hasNew && hasOld:
		b = value(b, c.Old)
		b = append(b, " → "...)
		b = value(b, c.New)
	case hasOld:
		b = value(b, c.Old)
	default:
		b = value(b, c.New)
	}
	return append(b, '\n')
}

// isShown reports whether the line of metadata has kv. The line of the origin has, of what
// middleware says of a request, what a reader looks for first.
func isShown(kv attribute.KeyValue) bool {
	switch kv.Key {
	case semconv.RPCSystemNameKey, semconv.RPCMethodKey, semconv.RPCResponseStatusCodeKey,
		semconv.ClientAddressKey, semconv.HTTPRequestMethodKey, semconv.HTTPRouteKey, semconv.HTTPResponseStatusCodeKey,
		semconv.RequestIDKey, semconv.URLPathKey, semconv.NetworkPeerAddressKey, semconv.UserAgentOriginalKey:
		return false
	}
	return true
}

func appendShown(b []byte, metadata []attribute.KeyValue) []byte {
	separator := ""
	for _, kv := range metadata {
		if isShown(kv) {
			b = appendMetadata(append(b, separator...), kv)
			separator = ", "
		}
	}
	return b
}

func appendMetadata(b []byte, kv attribute.KeyValue) []byte {
	b = append(appendToken(b, string(kv.Key)), ' ')
	return appendValue(b, kv.Value)
}
